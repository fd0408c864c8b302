import type { StandaloneOptions } from '../standalone/options.ts'
import type { Standalone } from '../standalone/up.ts'
import { table } from './output.ts'

/** What a person sees when everything is up: where things are, and what to try. */
export function addressTable(instance: Standalone, options: StandaloneOptions, tookMs: number): string {
  const { home, running } = instance
  const gateway = `http://${running.ingressHost}:${running.ingressPort}`
  const rows = [
    ['gateway', gateway, options.samples ? `Bookinfo at ${gateway}/productpage` : ''],
    ['Kubernetes API', running.api, `kubeconfig ${home.kubeconfig}`],
    ['OCI registry', running.registry, 'also answers for ghcr.io/istio-ecosystem/wasm-extensions'],
    ['xDS', `${options.host}:${options.xdsPort}`, ''],
    ['metrics', `http://${options.host}:${options.monitoringPort}/metrics`, ''],
    ['logs', home.log, `of Pods: ${home.logs}`],
  ]
  return `
Sluice is up after ${(tookMs / 1000).toFixed(1)} s.

${table(rows)}

In another terminal, in the same folder:

  eval "$(npx sluice env)"
  curl -s -o /dev/null -w "%{http_code}\\n" "http://$INGRESS_HOST:$INGRESS_PORT/productpage"
  kubectl get pods -A          # or: npx sluice get pods -A
  kubectl explain trafficextension.spec

docs/tasks/executing-webassembly-modules.md puts a Basic auth extension in front of it. Ctrl-C stops.`
}
