import { messageOf } from '../../errors.ts'
import type { KubeClient, KubeObject, ResourceType } from '../../kube/index.ts'
import { keyOf } from '../../kube/index.ts'
import { logger } from '../../telemetry/log.ts'
import { Kinds } from '../kinds.ts'
import type { Mesh } from '../model/mesh.ts'
import { deploymentObjects, isAutomatic } from './deployment.ts'
import { ownGateways } from './gateway-api.ts'

const log = logger('control')

const FIELD_MANAGER = 'sluice-gateway-controller'
const RETRY_MS = 2_000

const TYPES: Readonly<Record<string, ResourceType>> = {
  ServiceAccount: { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  Service: Kinds.service,
}

/** Makes a proxy for each Gateway of the Gateway API that does not name one; its owner references take it away again. */
export class GatewayDeployer {
  readonly #kube: KubeClient
  readonly #mesh: Mesh
  readonly #applied = new Map<string, string>()
  #busy = false
  #again = false
  #stopped = false

  constructor(kube: KubeClient, mesh: Mesh) {
    this.#kube = kube
    this.#mesh = mesh
  }

  /** Gateways or their classes changed. */
  touch(): void {
    if (this.#busy) this.#again = true
    else void this.#run()
  }

  stop(): void {
    this.#stopped = true
  }

  async #run(): Promise<void> {
    this.#busy = true
    do {
      this.#again = false
      for (const gateway of ownGateways(this.#mesh).filter(isAutomatic)) await this.#deploy(gateway)
    } while (this.#again && !this.#stopped)
    this.#busy = false
  }

  async #deploy(gateway: KubeObject): Promise<void> {
    const key = `${keyOf(gateway)}/${gateway.metadata.uid}`
    const objects = deploymentObjects(gateway)
    const text = JSON.stringify(objects)
    if (this.#applied.get(key) === text || gateway.metadata.deletionTimestamp !== undefined) return
    try {
      for (const object of objects) await this.#kube.apply(TYPES[object.kind], object, FIELD_MANAGER)
      this.#applied.set(key, text)
    } catch (error) {
      if (this.#stopped) return
      log.warn({ gateway: keyOf(gateway), error: messageOf(error) }, 'a gateway could not be deployed; trying again')
      setTimeout(() => this.touch(), RETRY_MS).unref()
    }
  }
}
