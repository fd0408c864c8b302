import type { KubeObject } from '../../kube/index.ts'
import type { ConnectedProxy } from '../connected-proxy.ts'
import { Debounce } from '../debounce.ts'
import { deployedName, isAutomatic } from '../gateway/deployment.ts'
import { attachRoutes, CONTROLLER_NAME, ownGateways, serves } from '../gateway/gateway-api.ts'
import { Kinds } from '../kinds.ts'
import type { Mesh } from '../model/mesh.ts'
import { type GatewayServing, gatewayClassStatus, gatewayStatus, httpRouteStatus } from './gateway-status.ts'
import type { StatusWriter } from './writer.ts'

const GATHER_MS = 50

/** The part of an EndpointSlice's endpoint that is read here; an absent `ready` means true. */
interface Endpoint {
  readonly conditions?: { readonly ready?: boolean }
}

/** Keeps the status of the Gateway API's kinds true. */
export class GatewayStatuses {
  readonly #mesh: Mesh
  readonly #proxies: () => Iterable<ConnectedProxy>
  readonly #writer: StatusWriter
  readonly #address: string | undefined
  readonly #evaluate: Debounce

  constructor(mesh: Mesh, proxies: () => Iterable<ConnectedProxy>, writer: StatusWriter, address: string | undefined) {
    this.#mesh = mesh
    this.#proxies = proxies
    this.#writer = writer
    this.#address = address
    this.#evaluate = new Debounce(GATHER_MS, () => this.#run())
  }

  touch(): void {
    this.#evaluate.call()
  }

  stop(): void {
    this.#evaluate.stop()
  }

  #run(): void {
    for (const one of this.#mesh.all('gatewayClass')) {
      if (one['spec']?.controllerName === CONTROLLER_NAME) {
        this.#writer.write(Kinds.gatewayClass, one, gatewayClassStatus(one))
      }
    }
    const attachments = attachRoutes(this.#mesh)
    for (const gateway of ownGateways(this.#mesh)) {
      const status = gatewayStatus(this.#mesh, gateway, attachments, this.#serving(gateway), this.#address)
      this.#writer.write(Kinds.gateway, gateway, status)
    }
    const byRoute = Map.groupBy(attachments.parents, ({ route }) => route)
    for (const route of this.#mesh.all('httpRoute')) {
      const parents = byRoute.get(route) ?? []
      // A route that has left us loses our entry; one that was never ours is not touched.
      if (parents.length === 0 && !mentionsUs(route)) continue
      this.#writer.write(Kinds.httpRoute, route, httpRouteStatus(this.#mesh, route, parents))
    }
  }

  #serving(gateway: KubeObject): GatewayServing {
    const { namespace, name } = gateway.metadata
    let connected = 0
    let programmed = 0
    const problems = new Set<string>()
    for (const { workload, delivery, generated } of this.#proxies()) {
      if (workload === undefined || !serves(this.#mesh, workload, gateway)) continue
      connected++
      if (delivery.listeners().state === 'accepted') programmed++
      for (const problem of generated.problems) {
        if (problem.startsWith(`Gateway ${namespace}/${name}#`)) problems.add(problem)
      }
    }
    return { connected, programmed, problems: [...problems], reachable: isReachable(this.#mesh, gateway) }
  }
}

/** Of a gateway that we deploy; how another one is reached is not ours to know. */
function isReachable(mesh: Mesh, gateway: KubeObject): boolean {
  if (!isAutomatic(gateway)) return true
  const slices = mesh.slices(`${gateway.metadata.namespace}/${deployedName(gateway)}`)
  return slices.some(({ endpoints }) => endpoints?.some((one: Endpoint) => one.conditions?.ready !== false))
}

function mentionsUs(route: KubeObject): boolean {
  const parents: { controllerName?: string }[] = route['status']?.parents ?? []
  return parents.some(({ controllerName }) => controllerName === CONTROLLER_NAME)
}
