import { type ChildProcess, spawn } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { messageOf } from '../../errors.ts'
import type { ContainerSpec, ProbeSpec } from '../types.ts'

export interface ProbeTarget {
  readonly podIP: string
  readonly spec: ContainerSpec
  readonly env: Record<string, string>
  readonly cwd: string | undefined
}

/** Undefined when it passed, otherwise why it did not. */
export type ProbeResult = string | undefined

/** A program needs this long at best; then pauses that grow by a tenth lose no more than a tenth. */
const FIRST_PAUSE_MS = 25
const GROWTH = 1.1

/**
 * Probes until stopped. Kubernetes waits a whole period after each failure; here the pauses start short and grow to the
 * period, until the first success, because what starts on this machine is mostly ready within a tenth of a second. Of the failures until
 * then one counts in each period.
 */
export class Prober {
  readonly #probe: ProbeSpec
  readonly #target: ProbeTarget
  readonly #onChange: (passing: boolean, why: ProbeResult) => void
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #passing: boolean | undefined
  #last: boolean | undefined
  /** How many counted in a row. */
  #streak = 0
  #pauseMs = FIRST_PAUSE_MS
  /** When a failure was last counted. */
  #countedMs = performance.now()

  /** `onChange` is told of each success or failure that crosses its threshold. */
  constructor(probe: ProbeSpec, target: ProbeTarget, onChange: (passing: boolean, why: ProbeResult) => void) {
    this.#probe = probe
    this.#target = target
    this.#onChange = onChange
    this.#timer = setTimeout(() => void this.#run(), (probe.initialDelaySeconds ?? 0) * 1000)
  }

  get #periodMs(): number {
    return (this.#probe.periodSeconds ?? 10) * 1000
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const why = await probeOnce(this.#probe, this.#target)
    if (this.#stopped) return
    this.#count(why)
    if (this.#stopped) return
    const starting = this.#passing === undefined
    this.#pauseMs = starting ? Math.min(this.#periodMs, this.#pauseMs * GROWTH) : this.#periodMs
    this.#timer = setTimeout(() => void this.#run(), this.#pauseMs)
  }

  #count(why: ProbeResult): void {
    const passed = why === undefined
    if (passed !== this.#last) this.#streak = 0
    this.#last = passed
    if (passed === this.#passing) return
    if (!passed && this.#passing === undefined && !this.#periodIsOver()) return
    this.#streak++
    const { successThreshold = 1, failureThreshold = 3 } = this.#probe
    if (this.#streak < (passed ? successThreshold : failureThreshold)) return
    this.#streak = 0
    this.#passing = passed
    this.#onChange(passed, why)
  }

  /** Or will be, before the next look. */
  #periodIsOver(): boolean {
    const now = performance.now()
    if (now + this.#pauseMs < this.#countedMs + this.#periodMs) return false
    this.#countedMs = now
    return true
  }
}

export async function probeOnce(probe: ProbeSpec, target: ProbeTarget): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  if (probe.httpGet !== undefined) return httpProbe(probe.httpGet, target, timeoutMs)
  if (probe.tcpSocket !== undefined) {
    const port = portOf(probe.tcpSocket.port, target.spec)
    return port === undefined
      ? `no port is named ${probe.tcpSocket.port}`
      : tcpProbe(probe.tcpSocket.host ?? target.podIP, port, timeoutMs)
  }
  if (probe.exec !== undefined) return execProbe(probe.exec.command, target, timeoutMs)
  return 'the probe asks for nothing that is known here'
}

function portOf(port: number | string, spec: ContainerSpec): number | undefined {
  if (typeof port === 'number') return port
  return spec.ports?.find((each) => each.name === port)?.containerPort
}

function tcpProbe(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (result: ProbeResult) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(timeoutMs, () => end(`dial tcp ${host}:${port}: i/o timeout`))
    socket.once('connect', () => end(undefined))
    socket.once('error', (error) => end(`dial tcp ${host}:${port}: ${error.message}`))
  })
}

/** Any status from 200 to 399 passes; a redirect is not followed. */
function httpProbe(
  probe: NonNullable<ProbeSpec['httpGet']>,
  { podIP, spec }: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  const port = portOf(probe.port, spec)
  if (port === undefined) return Promise.resolve(`no port is named ${probe.port}`)
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.34', accept: '*/*' }
  for (const { name, value } of probe.httpHeaders ?? []) headers[name.toLowerCase()] = value
  const init = {
    host: probe.host ?? podIP,
    port,
    path: probe.path ?? '/',
    headers,
    agent: false as const,
    signal: AbortSignal.timeout(timeoutMs),
  }
  return new Promise((resolve) => {
    const send = probe.scheme === 'HTTPS' ? httpsRequest : httpRequest
    const options = probe.scheme === 'HTTPS' ? { ...init, rejectUnauthorized: false } : init
    send(options, (response) => {
      response.resume()
      const code = response.statusCode ?? 0
      resolve(code >= 200 && code < 400 ? undefined : `HTTP probe failed with statuscode: ${code}`)
    })
      .on('error', (error) => resolve(`Get "${init.path}" of ${init.host}:${port}: ${messageOf(error)}`))
      .end()
  })
}

function execProbe(command: string[], { env, cwd }: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let child: ChildProcess
    try {
      child = spawn(command[0], command.slice(1), { env, cwd, stdio: 'ignore', timeout: timeoutMs })
    } catch (error) {
      resolve(messageOf(error))
      return
    }
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(undefined)
      else
        resolve(signal === null ? `the command ended with exit code ${code}` : `the command took over ${timeoutMs} ms`)
    })
  })
}
