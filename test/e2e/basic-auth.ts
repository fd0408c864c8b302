/** The object of seed 000: Basic auth on /productpage at the ingress gateway. */
export const BASIC_AUTH = `apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata:
  name: basic-auth
  namespace: istio-system
spec:
  selector:
    matchLabels:
      istio: ingressgateway
  phase: AUTHN
  wasm:
    url: oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0
    pluginConfig:
      basic_auth_rules:
      - prefix: "/productpage"
        request_methods:
        - "GET"
        - "POST"
        credentials:
        - "ok:test"
        - "YWRtaW4zOmFkbWluMw=="
`
