import { hasOwnBootstrap } from '../../agent/index.ts'
import { proxyNode, startEnvoyPod, startProxyPod } from '../../standalone/proxy-pod.ts'
import { type Command, port, UsageError } from '../command.ts'

export const command: Command = {
  summary: 'run a proxy with its agent: the embedded one, or an Envoy of yours',
  usage:
    '[proxy router] [--discovery HOST:PORT] [--concurrency N] [-- envoy …] | --xds-port PORT --admin-port PORT -- envoy -c FILE …',
  details: `The agent sits between the proxy and the control plane (Sluice's or istiod), downloads and checks the modules of
extensions, and hands them to the proxy as local files. It reads Istio's environment: POD_NAME, POD_NAMESPACE, INSTANCE_IP,
WASM_INSECURE_REGISTRIES and the other WASM_* settings. An Envoy gets its bootstrap from the agent; one that brings its own with -c takes
ADS from 127.0.0.1:<xds-port> and has its admin interface at 127.0.0.1:<admin-port>, which the agent reads health and metrics from.`,
  options: {
    discovery: { type: 'string' },
    concurrency: { type: 'string' },
    'xds-port': { type: 'string' },
    'admin-port': { type: 'string' },
  },
  optionHelp: {
    discovery: 'the control plane; 127.0.0.1:15010 unless told here or in SLUICE_DISCOVERY_ADDRESS',
    concurrency: 'data threads of the embedded proxy; one per core unless told',
    'xds-port': 'where an Envoy finds the agent; any free port unless told',
    'admin-port': 'of an Envoy; any free port unless told',
  },
  async run({ values, positionals }) {
    // `proxy router` is how Istio's images call their agent; what follows `--` is an Envoy.
    const own = positionals[0] === 'proxy' ? positionals.slice(2) : positionals
    const workers = values['concurrency'] === undefined ? undefined : Number(values['concurrency'])
    if (workers !== undefined && !(Number.isInteger(workers) && workers > 0)) {
      throw new UsageError(`--concurrency takes a positive number, not «${values['concurrency']}»`)
    }
    const [program, ...args] = own
    const xdsPort = port(values['xds-port'] ?? '0', 'xds-port')
    const adminPort = port(values['admin-port'] ?? '0', 'admin-port')
    if (program === undefined && xdsPort + adminPort > 0) throw new UsageError('those ports are for an Envoy behind --')
    // Only the user knows what such a bootstrap says.
    if (hasOwnBootstrap(args) && (xdsPort === 0 || adminPort === 0)) {
      throw new UsageError('an Envoy with a bootstrap of its own needs --xds-port and --admin-port')
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
    const pod =
      program === undefined
        ? await startProxyPod(options)
        : await startEnvoyPod({ ...options, xdsPort, adminPort }, [program, ...args])
    const ended = await Promise.race([pod.exited, stopped])
    return ended === 'stop' ? pod.stop() : ended
  },
}
