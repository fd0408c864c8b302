import { DEFAULTS, type StandaloneOptions } from '../../standalone/options.ts'
import { addressTable } from '../address-table.ts'
import { type Call, type Command, port } from '../command.ts'

const READY_TIMEOUT_MS = 60_000

export const command: Command = {
  summary: 'run everything on this machine: API, registry, control plane, gateway, Bookinfo',
  usage: '[--ephemeral] [--no-samples] [--host ADDRESS] [--http-port PORT] …',
  details: `State lives in ~/.sluice, or in $SLUICE_HOME; it survives a restart. Ctrl-C drains and stops.
All parts listen on 127.0.0.1. With --host 0.0.0.0 others can reach them: the API asks for the kubeconfig's token, the
gateway and the registry ask for nothing.`,
  positionals: false,
  options: {
    ephemeral: { type: 'boolean' },
    'no-samples': { type: 'boolean' },
    host: { type: 'string' },
    'api-port': { type: 'string' },
    'registry-port': { type: 'string' },
    'xds-port': { type: 'string' },
    'monitoring-port': { type: 'string' },
    'http-port': { type: 'string' },
    'https-port': { type: 'string' },
  },
  optionHelp: {
    ephemeral: 'start clean and keep nothing',
    'no-samples': 'without Bookinfo',
    host: `the address to listen on; ${DEFAULTS.host} unless told`,
    'api-port': `Kubernetes API; ${DEFAULTS.apiPort} unless told`,
    'registry-port': `OCI registry; ${DEFAULTS.registryPort} unless told`,
    'xds-port': `xDS; ${DEFAULTS.xdsPort} unless told`,
    'monitoring-port': `metrics of the control plane; ${DEFAULTS.monitoringPort} unless told`,
    'http-port': `gateway, HTTP; ${DEFAULTS.httpPort} unless told`,
    'https-port': `gateway, HTTPS; ${DEFAULTS.httpsPort} unless told`,
  },
  async run(call) {
    const begun = Date.now()
    const stopped = new Promise<string>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve)
    })
    const options = optionsOf(call)
    // The parts are loaded only now, so that a wrong option is told at once.
    const { up } = await import('../../standalone/up.ts')
    const instance = await up(options, (step) => console.log(`  starting ${step} …`))
    const first = await Promise.race([instance.ready(READY_TIMEOUT_MS).then(() => 'ready'), stopped])
    if (first === 'ready') {
      console.log(addressTable(instance, options, Date.now() - begun))
      // Nobody waits for anything now.
      const { removeOldCompileCaches } = await import('../../standalone/old-compile-caches.ts')
      void removeOldCompileCaches(process.env['NODE_COMPILE_CACHE'] ?? '')
      await stopped
    }
    console.log('\ndraining …')
    await instance.close()
    console.log('stopped')
    return 0
  },
}

function optionsOf({ values }: Call): StandaloneOptions {
  const asPort = (name: string, otherwise: number) =>
    values[name] === undefined ? otherwise : port(values[name], name)
  return {
    host: values['host'] ?? DEFAULTS.host,
    apiPort: asPort('api-port', DEFAULTS.apiPort),
    registryPort: asPort('registry-port', DEFAULTS.registryPort),
    xdsPort: asPort('xds-port', DEFAULTS.xdsPort),
    monitoringPort: asPort('monitoring-port', DEFAULTS.monitoringPort),
    httpPort: asPort('http-port', DEFAULTS.httpPort),
    httpsPort: asPort('https-port', DEFAULTS.httpsPort),
    ephemeral: values['ephemeral'] === true,
    samples: values['no-samples'] !== true,
  }
}
