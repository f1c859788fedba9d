// Looks up a name with Go's net package through cgo, that is through glibc; prints an address a line.
//
// SPDX-License-Identifier: MIT
package main

import "C"

import (
	"fmt"
	"net"
	"os"
)

func main() {
	addresses, err := net.LookupHost(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, address := range addresses {
		fmt.Println(address)
	}
}
