# The least that nomad-lookup and nomad-dns-srv need: nomad acl policy apply nss-nomad docs/acl-policy.hcl
#
# read-job in every namespace: lists, reads and follows services. With fewer namespaces the setting "namespace" has to
# name them: one namespace that is denied denies an event stream over all, and Nomad leaves it out of lists without a
# word.
namespace "*" {
  capabilities = ["read-job"]
}
