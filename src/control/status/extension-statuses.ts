import { keyOf, type ResourceType } from '../../kube/index.ts'
import type { ConnectedProxy } from '../connected-proxy.ts'
import { Debounce } from '../debounce.ts'
import { envoyFilters } from '../envoy-filter/select.ts'
import { Kinds } from '../kinds.ts'
import type { Extension } from '../model/extension.ts'
import type { Mesh } from '../model/mesh.ts'
import { envoyFilterStatus } from './envoy-filter-status.ts'
import { type ExtensionStatus, extensionStatus } from './extension-status.ts'
import { referenceProblem } from './references.ts'
import type { StatusWriter } from './writer.ts'

/** Events of one cause (ACK of listeners, ACK of the extension, report) come within this time. */
const GATHER_MS = 20
/** «Not yet» is told only when it lasts: most extensions are ready before anyone looks. */
const PATIENCE_MS = 400

/** Keeps the status of every TrafficExtension, WasmPlugin and EnvoyFilter true. */
export class ExtensionStatuses {
  readonly #mesh: Mesh
  readonly #proxies: () => Iterable<ConnectedProxy>
  readonly #writer: StatusWriter
  readonly #evaluate: Debounce
  readonly #openSince = new Map<string, number>()
  #again: NodeJS.Timeout | undefined

  constructor(mesh: Mesh, proxies: () => Iterable<ConnectedProxy>, writer: StatusWriter) {
    this.#mesh = mesh
    this.#proxies = proxies
    this.#writer = writer
    this.#evaluate = new Debounce(GATHER_MS, () => this.#run())
  }

  /** Something happened that may matter. */
  touch(): void {
    this.#evaluate.call()
  }

  stop(): void {
    this.#evaluate.stop()
    clearTimeout(this.#again)
  }

  /** The status of one extension now. */
  of(extension: Extension): ExtensionStatus {
    const proxies = [...this.#proxies()].filter((proxy) => attachedTo(proxy, extension))
    return extensionStatus(extension, referenceProblem(this.#mesh, extension), proxies)
  }

  #run(): void {
    const now = performance.now()
    const open = new Set<string>()
    for (const extension of this.#mesh.extensions()) {
      const status = this.of(extension)
      const key = `${extension.object.kind}/${keyOf(extension.object)}/${extension.revision}`
      if (isOpen(status)) {
        open.add(key)
        const since = this.#openSince.get(key) ?? now
        this.#openSince.set(key, since)
        if (now - since < PATIENCE_MS) {
          this.#lookAgain(since + PATIENCE_MS - now)
          continue
        }
      }
      this.#writer.write(typeOf(extension), extension.object, statusFields(status))
    }
    const counts = [...this.#proxies()].map((proxy) => proxy.generated.patches)
    for (const filter of envoyFilters(this.#mesh)) {
      this.#writer.write(Kinds.envoyFilter, filter.object, envoyFilterStatus(filter, counts))
    }
    for (const key of this.#openSince.keys()) if (!open.has(key)) this.#openSince.delete(key)
  }

  #lookAgain(ms: number): void {
    clearTimeout(this.#again)
    this.#again = setTimeout(() => this.touch(), ms + 1)
  }
}

/** As the CRDs show it; null takes a field away that an earlier status had. */
function statusFields({ observedGeneration, conditions, proxies, digest, source }: ExtensionStatus) {
  const module = digest === undefined ? null : { digest, source: source ?? null }
  return { observedGeneration, conditions, proxies, module }
}

function attachedTo(proxy: ConnectedProxy, extension: Extension): boolean {
  return proxy.generated.extensions.some(
    (other) => other.name === extension.name && other.namespace === extension.namespace,
  )
}

/**
 * Neither good nor bad yet. No proxy at all counts as open too: at start, proxies connect after the objects are read. So does an
 * agent that has not reported: its report may be on the way behind the proxy's answer.
 */
function isOpen({ conditions }: ExtensionStatus): boolean {
  return conditions.some(
    ({ type, status, reason }) =>
      (type === 'Ready' && (status === 'Unknown' || reason === 'NoMatchingProxies')) || reason === 'NotReported',
  )
}

function typeOf(extension: Extension): ResourceType {
  return extension.object.kind === 'WasmPlugin' ? Kinds.wasmPlugin : Kinds.trafficExtension
}
