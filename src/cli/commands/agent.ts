import { proxyNode, startEnvoyPod, startProxyPod } from '../../standalone/proxy-pod.ts'
import { type Command, UsageError } from '../command.ts'

export const command: Command = {
  summary: 'run a proxy with its agent: the embedded one, or an Envoy of yours',
  usage: '[proxy router] [--discovery HOST:PORT] [--concurrency N] [-- envoy [-c FILE …]]',
  details: `The agent sits between the proxy and the control plane (Sluice's or istiod), downloads and checks the modules of
extensions, and hands them to the proxy as local files. It reads Istio's environment: POD_NAME, POD_NAMESPACE, INSTANCE_IP,
WASM_INSECURE_REGISTRIES and the other WASM_* settings.`,
  options: {
    discovery: { type: 'string' },
    concurrency: { type: 'string' },
  },
  optionHelp: {
    discovery: 'the control plane; 127.0.0.1:15010 unless told here or in SLUICE_DISCOVERY_ADDRESS',
    concurrency: 'data threads of the embedded proxy; one per core unless told',
  },
  async run({ values, positionals }) {
    // `proxy router` is how Istio's images call their agent; what follows `--` is an Envoy.
    const own = positionals[0] === 'proxy' ? positionals.slice(2) : positionals
    const workers = values['concurrency'] === undefined ? undefined : Number(values['concurrency'])
    if (workers !== undefined && !(Number.isInteger(workers) && workers > 0)) {
      throw new UsageError(`--concurrency takes a positive number, not «${values['concurrency']}»`)
    }
    const { env } = process
    const options = {
      discovery: values['discovery'] ?? env['SLUICE_DISCOVERY_ADDRESS'] ?? '127.0.0.1:15010',
      node: proxyNode(env),
      address: env['INSTANCE_IP'] ?? '127.0.0.1',
      env,
      workers,
    }
    const stopped = new Promise<'stop'>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve('stop'))
    })
    const [program, ...args] = own
    const pod = program === undefined ? await startProxyPod(options) : await startEnvoyPod(options, [program, ...args])
    const ended = await Promise.race([pod.exited, stopped])
    return ended === 'stop' ? pod.stop() : ended
  },
}
