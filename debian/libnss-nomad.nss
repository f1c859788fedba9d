hosts before=resolve,dns nomad [!UNAVAIL=return]
