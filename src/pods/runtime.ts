import { Readable } from 'node:stream'
import type { ExecOptions, LogOptions, PodRuntime } from '../apiserver/pod/runtime.ts'
import { SluiceError } from '../errors.ts'
import { runExec } from './exec.ts'
import type { Container } from './kubelet/container.ts'
import type { Kubelet } from './kubelet/kubelet.ts'
import { sendLog } from './log-reader.ts'

/** What the API server asks the node for: `pods/log` and `pods/exec`. */
export class LocalPodRuntime implements PodRuntime {
  readonly #kubelet: Kubelet

  constructor(kubelet: Kubelet) {
    this.#kubelet = kubelet
  }

  async logs(namespace: string, pod: string, options: LogOptions): Promise<Readable> {
    const container = this.#container(namespace, pod, options.container)
    const { restartCount } = container.status
    if (options.previous && restartCount === 0) {
      throw new SluiceError(
        'SL6105',
        `previous terminated container "${container.spec.name}" in pod "${pod}" not found`,
      )
    }
    const path = container.logPath(options.previous ? restartCount - 1 : restartCount)
    const stream = new Readable({ read: () => {} })
    stream.on('error', () => {})
    sendLog(path, options.previous ? undefined : container.log, options, (text) => stream.push(text)).then(
      () => stream.push(null),
      (error) => stream.destroy(error),
    )
    return stream
  }

  async exec(namespace: string, pod: string, options: ExecOptions): Promise<number> {
    const container = this.#container(namespace, pod, options.container)
    if (container.running === undefined) {
      throw new SluiceError('SL6105', `container "${container.spec.name}" of pod "${pod}" is not running`)
    }
    return runExec(container.running, options)
  }

  #container(namespace: string, pod: string, name: string): Container {
    const runner = this.#kubelet.runner(namespace, pod)
    const all = runner?.containers ?? []
    const inits = runner?.pod.spec.initContainers?.length ?? 0
    const found = name === '' ? all[inits] : all.find((each) => each.spec.name === name)
    if (found === undefined) throw new SluiceError('SL6105', `${name} of pod "${pod}" does not run`)
    return found
  }
}
