import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { sleep } from '../../base/backoff.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { Happening } from '../event-recorder.ts'
import { type ContainerSpec, type ContainerStatus, type Pod, type Terminated, timestamp } from '../types.ts'
import { ContainerLog, removeLog } from './container-log.ts'
import { environmentOf } from './environment.ts'
import { commandLine, findImage, type Images } from './image.ts'
import { Prober, type ProbeTarget } from './probe.ts'
import { type ProcessTable, signalGroup } from './process-table.ts'

export interface RestartPauses {
  /** Before the second restart; each further one waits twice as long. The first is at once. */
  readonly initialMs: number
  readonly maxMs: number
  /** A run this long is a success, after which counting begins anew. */
  readonly resetMs: number
}

/** kubelet.MaxContainerBackOff, backOffPeriod and their reset. */
export const KUBELET_PAUSES: RestartPauses = { initialMs: 10_000, maxMs: 300_000, resetMs: 600_000 }

/** What a container is given by its Pod. */
export interface ContainerContext {
  readonly kube: KubeClient
  readonly images: Images
  readonly processes: ProcessTable
  readonly podIP: string
  readonly outboundProxy: string | undefined
  readonly logDir: string
  readonly pauses: RestartPauses
  pod(): Pod
  changed(): void
  happened(happening: Happening): void
}

/** One container of a Pod: a process in a group of its own, started again as the Pod's restartPolicy says. */
export class Container {
  spec: ContainerSpec
  readonly status: ContainerStatus
  /** Of the present run, or of the last one. */
  log: ContainerLog | undefined
  /** What `exec` joins; undefined while nothing runs. */
  running: ProbeTarget | undefined
  readonly #context: ContainerContext
  readonly #stop = new AbortController()
  #child: ChildProcess | undefined
  #probers: Prober[] = []
  #backoffs = 0
  /** The next restart was wanted, so it does not wait. */
  #askedFor = false

  constructor(spec: ContainerSpec, context: ContainerContext, before: ContainerStatus | undefined) {
    this.spec = spec
    this.#context = context
    this.status = initialStatus(spec, before)
  }

  logPath(restart = this.status.restartCount): string {
    return join(this.#context.logDir, this.spec.name, `${restart}.log`)
  }

  /** Runs until the container is done for good; `always` restarts whatever the exit code, `failure` only after failures. */
  async run(restart: 'always' | 'failure' | 'never'): Promise<void> {
    const signal = this.#stop.signal
    while (!signal.aborted) {
      const begun = Date.now()
      const exit = await this.#runOnce()
      if (signal.aborted) return
      if (exit !== undefined) {
        if (restart === 'never' || (restart === 'failure' && exit.exitCode === 0)) return
        if (Date.now() - begun >= this.#context.pauses.resetMs) this.#backoffs = 0
        this.status.lastState = { terminated: exit }
      }
      await this.#pause(exit !== undefined)
      if (exit !== undefined && !signal.aborted) this.status.restartCount++
    }
  }

  /** Ends it for good: asks, and insists after the grace period. */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort()
    await this.#kill(graceMs)
  }

  /** Ends the present run only; the next one takes the spec that is there then. */
  restart(why: string): void {
    this.#context.happened({ type: 'Normal', reason: 'Killing', message: why })
    this.#askedFor = true
    this.#backoffs = 0
    const graceMs = (this.#context.pod().spec.terminationGracePeriodSeconds ?? 30) * 1000
    void this.#kill(graceMs)
  }

  async #runOnce(): Promise<Terminated | undefined> {
    const { name } = this.spec
    let child: ChildProcess
    let target: ProbeTarget
    let log: ContainerLog
    try {
      const image = findImage(this.#context.images, this.spec.image)
      const env = await environmentOf(this.#context.pod(), this.spec, image, this.#context)
      if (this.#stop.signal.aborted) return undefined
      const [command, ...args] = commandLine(image, this.spec, env)
      if (this.status.restartCount === 0) {
        // Not the arguments: values of Secrets may be among them.
        const message = `Container image "${this.spec.image}" is played by ${image.command.join(' ').slice(0, 200)}`
        this.#context.happened({ type: 'Normal', reason: 'Pulled', message })
      }
      const cwd = this.spec.workingDir ?? image.cwd
      target = { podIP: this.#context.podIP, spec: this.spec, env, cwd }
      // Kept are this run and the one before, which `kubectl logs --previous` shows.
      removeLog(this.logPath(this.status.restartCount - 2))
      log = new ContainerLog(this.logPath())
      this.log = log
      // A group of its own: the signals of a terminal go to us alone, and ours reach the program's children too.
      child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    } catch (error) {
      this.#wait(reasonOf(error), messageOf(error))
      return undefined
    }
    child.stdout?.on('data', (chunk) => log.write('stdout', chunk))
    child.stderr?.on('data', (chunk) => log.write('stderr', chunk))
    const startedAt = timestamp()
    const exited = exitOf(child)
    if (child.pid !== undefined) this.#started(child, target, startedAt)
    const { code, signal, error } = await exited
    log.end()
    return this.#exited(name, startedAt, code, signal, error)
  }

  #started(child: ChildProcess, target: ProbeTarget, startedAt: string): void {
    const pid = child.pid ?? 0
    this.#child = child
    this.running = target
    this.#context.processes.add(pid)
    this.#context.happened({ type: 'Normal', reason: 'Started', message: `Started container ${this.spec.name}` })
    this.status.containerID = `process://${pid}`
    this.status.state = { running: { startedAt } }
    this.#probe(target)
    this.#context.changed()
  }

  #exited(
    name: string,
    startedAt: string,
    code: number | null,
    signal: NodeJS.Signals | null,
    error: Error | undefined,
  ): Terminated {
    for (const prober of this.#probers) prober.stop()
    this.#probers = []
    if (this.#child?.pid !== undefined) {
      this.#context.processes.remove(this.#child.pid)
    }
    this.#child = undefined
    this.running = undefined
    const signalNumber = signal === null ? 0 : constants.signals[signal]
    const exitCode = error !== undefined ? 128 : (code ?? 128 + signalNumber)
    const terminated: Terminated = {
      exitCode,
      ...(signalNumber === 0 ? {} : { signal: signalNumber }),
      reason: error !== undefined ? 'StartError' : exitCode === 0 ? 'Completed' : 'Error',
      ...(error === undefined ? {} : { message: error.message }),
      startedAt,
      finishedAt: timestamp(),
      ...(this.status.containerID === undefined ? {} : { containerID: this.status.containerID }),
    }
    if (error !== undefined) {
      this.#context.happened({ type: 'Warning', reason: 'Failed', message: `Error: ${name}: ${error.message}` })
    }
    this.status.ready = false
    this.status.started = false
    this.status.state = { terminated }
    this.#context.changed()
    return terminated
  }

  /** Startup first; while it has not passed the others wait. No readiness probe: ready as soon as the first port takes calls. */
  #probe(target: ProbeTarget): void {
    const { startupProbe, livenessProbe } = this.spec
    const then = () => {
      this.status.started = true
      if (livenessProbe !== undefined) {
        this.#addProber(new Prober(livenessProbe, target, (passing, why) => this.#lively('liveness', passing, why)))
      }
      this.#probeReadiness(target)
      this.#context.changed()
    }
    if (startupProbe === undefined) {
      then()
      return
    }
    const prober = new Prober(startupProbe, target, (passing, why) => {
      if (!passing) return this.#lively('startup', false, why)
      prober.stop()
      then()
    })
    this.#addProber(prober)
  }

  #probeReadiness(target: ProbeTarget): void {
    const { readinessProbe, ports } = this.spec
    const ready = (passing: boolean) => {
      if (this.status.ready === passing) return
      this.status.ready = passing
      this.#context.changed()
    }
    if (readinessProbe !== undefined) {
      this.#addProber(
        new Prober(readinessProbe, target, (passing, why) => {
          if (!passing) this.#unhealthy('Readiness', why)
          ready(passing)
        }),
      )
      return
    }
    const port = ports?.find((each) => (each.protocol ?? 'TCP') === 'TCP')?.containerPort
    if (port === undefined) {
      ready(true)
      return
    }
    const prober = new Prober({ tcpSocket: { port }, periodSeconds: 1 }, target, (passing) => {
      // Kubernetes calls a container without a readiness probe ready while it runs.
      if (passing) prober.stop()
      ready(passing)
    })
    this.#addProber(prober)
  }

  #lively(which: 'liveness' | 'startup', passing: boolean, why: string | undefined): void {
    if (passing) return
    this.#unhealthy(which === 'liveness' ? 'Liveness' : 'Startup', why)
    const message = `Container ${this.spec.name} failed ${which} probe, will be restarted`
    this.#context.happened({ type: 'Normal', reason: 'Killing', message })
    void this.#kill((this.#context.pod().spec.terminationGracePeriodSeconds ?? 30) * 1000)
  }

  #unhealthy(which: string, why: string | undefined): void {
    this.#context.happened({ type: 'Warning', reason: 'Unhealthy', message: `${which} probe failed: ${why}` })
  }

  #addProber(prober: Prober): void {
    this.#probers.push(prober)
  }

  #wait(reason: string, message: string): void {
    const { state } = this.status
    const told = 'waiting' in state && state.waiting.message === message
    this.status.state = { waiting: { reason, message } }
    if (!told) this.#context.happened({ type: 'Warning', reason: 'Failed', message: `Error: ${message}` })
    this.#context.changed()
  }

  /** After a run: the back-off of a crash loop. Before one could start at all: soon, because somebody may be mending it. */
  async #pause(ran: boolean): Promise<void> {
    const signal = this.#stop.signal
    const { initialMs, maxMs } = this.#context.pauses
    if (!ran) {
      await sleep(Math.min(maxMs, 1000), signal).catch(() => {})
      return
    }
    if (this.#askedFor) {
      this.#askedFor = false
      return
    }
    const ms = this.#backoffs === 0 ? 0 : Math.min(maxMs, initialMs * 2 ** (this.#backoffs - 1))
    this.#backoffs++
    if (ms === 0) return
    const { name, namespace, uid } = this.#context.pod().metadata
    const message = `back-off ${Math.round(ms / 1000)}s restarting failed container=${this.spec.name} pod=${name}_${namespace}(${uid})`
    this.status.state = { waiting: { reason: 'CrashLoopBackOff', message } }
    this.#context.happened({
      type: 'Warning',
      reason: 'BackOff',
      message: `Back-off restarting failed container ${this.spec.name} in pod ${name}_${namespace}(${uid})`,
    })
    this.#context.changed()
    await sleep(ms, signal).catch(() => {})
  }

  async #kill(graceMs: number): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    signalGroup(child.pid, graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
    const timer = setTimeout(() => child.pid !== undefined && signalGroup(child.pid, 'SIGKILL'), graceMs)
    await exited
    clearTimeout(timer)
  }
}

interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  error: Error | undefined
}

/** Exit and end of output: `exit` alone may come before the last lines, `close` alone waits for whoever holds the pipes. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }))
    child.once('exit', (code, signal) => {
      const end = () => resolve({ code, signal, error: undefined })
      const timer = setTimeout(end, 200)
      child.once('close', () => {
        clearTimeout(timer)
        end()
      })
      // Whatever the program left running goes with it, as in a container.
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    })
  })
}

function initialStatus(spec: ContainerSpec, before: ContainerStatus | undefined): ContainerStatus {
  const ran = before?.containerID !== undefined
  const state = before?.state
  const lastState =
    state !== undefined && 'running' in state
      ? {
          terminated: {
            exitCode: 137,
            reason: 'ContainerStatusUnknown',
            message: 'The container ended with the former run of Sluice',
            startedAt: state.running.startedAt,
          },
        }
      : (before?.lastState ?? {})
  return {
    name: spec.name,
    image: spec.image,
    imageID: '',
    ready: false,
    started: false,
    restartCount: (before?.restartCount ?? 0) + (ran ? 1 : 0),
    state: { waiting: { reason: 'ContainerCreating' } },
    lastState,
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof SluiceError)) return 'RunContainerError'
  return error.code === 'SL6101' ? 'ErrImagePull' : 'CreateContainerConfigError'
}
