import type { Readable, Writable } from 'node:stream'

export interface LogOptions {
  /** '' for the only container. */
  readonly container: string
  readonly follow: boolean
  readonly tailLines: number | undefined
  readonly sinceSeconds: number | undefined
  readonly sinceTime: string | undefined
  readonly timestamps: boolean
  readonly previous: boolean
  readonly limitBytes: number | undefined
  /** The client went away. */
  readonly signal: AbortSignal
}

export interface ExecOptions {
  readonly container: string
  readonly command: readonly string[]
  readonly tty: boolean
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  /** The terminal's size, now and when it changes. */
  onResize(listener: (columns: number, rows: number) => void): void
  readonly signal: AbortSignal
}

/**
 * What runs pods, as the API server's log and exec endpoints need it (the kubelet's part). Both throw an Error whose message
 * goes to the user when the container is not there.
 */
export interface PodRuntime {
  /** The log as text; ends when the log does, or with `signal` when it is followed. */
  logs(namespace: string, pod: string, options: LogOptions): Promise<Readable>
  /** Runs a command beside the container's processes; resolves with its exit code when it and its output have ended. */
  exec(namespace: string, pod: string, options: ExecOptions): Promise<number>
}
