# nomad-dns-srv on every client of a cluster, from the packages that are installed there; docs/nomad-job.md explains it.
job "nomad-dns-srv" {
  type     = "system"
  priority = 90

  group "daemon" {
    # Where DNS is answered is in the configuration below; no port is Nomad's to give.
    restart {
      attempts = 10
      interval = "1m"
      delay    = "2s"
      mode     = "delay"
    }

    task "nomad-dns-srv" {
      driver = "raw_exec"

      config {
        command = "/usr/sbin/nomad-dns-srv"
        args    = ["--config", "${NOMAD_TASK_DIR}/nss-nomad.conf"]
      }

      # The task's own identity, in a file that Nomad writes anew in time; its rights are those of the policy that is
      # attached to this job.
      identity {
        file = true
      }

      template {
        destination   = "${NOMAD_TASK_DIR}/nss-nomad.conf"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = <<-END
          [nomad]
          address = unix://{{ env "NOMAD_SECRETS_DIR" }}/api.sock
          token-file = {{ env "NOMAD_SECRETS_DIR" }}/nomad_token

          [dns]
          listen = 127.0.0.1:1053 [::1]:1053

          [daemon]
          metrics = 127.0.0.1:9153
        END
      }

      kill_signal  = "SIGTERM"
      kill_timeout = "5s"

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
