import { Worker } from 'node:worker_threads'
import { programPath } from '../../base/package-root.ts'
import { messageOf } from '../../errors.ts'
import type { Informer } from '../../kube/index.ts'
import { logger } from '../../telemetry/log.ts'
import type { Pod, Service } from '../types.ts'
import { type Routes, routesOf } from './routes.ts'

/** Istio's port for traffic that leaves a workload. */
export const OUTBOUND_PORT = 15001

export type Command =
  | { kind: 'routes'; routes: Routes }
  | { kind: 'open'; ip: string; port: number; namespace: string }
  | { kind: 'close'; ip: string }

export interface Report {
  readonly ip: string
  readonly error?: string
}

const log = logger('pods')

/**
 * Lets Pods reach each other by the names of Services, with no DNS server, no rights and no change to programs: each Pod has an
 * HTTP forward proxy on its own address, named to its processes by the proxy variables that HTTP clients honour (curl, Node,
 * Python, Go, Java). Preloading a resolver would serve Node only, and a name that resolves to one address would
 * stay with that Pod as long as the client keeps its connection; here each request is balanced on its own, as by the sidecar
 * that later takes this place. In a thread of its own, so that traffic between Pods never delays the API or the control plane.
 */
export class OutboundProxy {
  readonly #services: Informer<Service>
  readonly #pods: Informer<Pod>
  readonly #opening = new Map<string, (report: Report) => void>()
  /** Address to namespace of the Pods that have a proxy. */
  readonly #open = new Map<string, string>()
  #worker: Worker
  #pending = false

  constructor(services: Informer<Service>, pods: Informer<Pod>) {
    this.#services = services
    this.#pods = pods
    this.#worker = this.#start()
    services.onChange(() => this.#refresh())
    pods.onChange(() => this.#refresh())
  }

  /** Begins to listen for a Pod; resolves with the proxy's URL, or undefined when it cannot, which is logged. */
  async open(ip: string, namespace: string): Promise<string | undefined> {
    this.#open.set(ip, namespace)
    const { error } = await new Promise<Report>((resolve) => {
      this.#opening.set(ip, resolve)
      this.#post({ kind: 'open', ip, port: OUTBOUND_PORT, namespace })
    })
    this.#opening.delete(ip)
    if (error === undefined) return `http://${ip}:${OUTBOUND_PORT}`
    this.#open.delete(ip)
    log.warn({ ip, error }, 'this Pod cannot reach Services by name')
    return undefined
  }

  close(ip: string): void {
    this.#open.delete(ip)
    this.#post({ kind: 'close', ip })
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #start(): Worker {
    const worker = new Worker(programPath('src/pods/outbound/worker'))
    worker.unref()
    worker.on('message', (report: Report) => this.#opening.get(report.ip)?.(report))
    worker.on('error', (error) => {
      log.error({ error: messageOf(error) }, 'the outbound proxy of the Pods failed; starting it again')
      this.#worker = this.#start()
      this.#refresh()
      for (const [ip, namespace] of this.#open) this.#post({ kind: 'open', ip, port: OUTBOUND_PORT, namespace })
    })
    return worker
  }

  /** Changes of one turn are one message. */
  #refresh(): void {
    if (this.#pending) return
    this.#pending = true
    queueMicrotask(() => {
      this.#pending = false
      this.#post({ kind: 'routes', routes: routesOf(this.#services.values(), this.#pods.values()) })
    })
  }

  #post(command: Command): void {
    this.#worker.postMessage(command)
  }
}
