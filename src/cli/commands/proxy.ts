import { runFromBootstrapFile } from '../../proxy/index.ts'
import { type Command, UsageError } from '../command.ts'

export const command: Command = {
  summary: 'run the proxy alone, from an Envoy bootstrap',
  usage: '-c FILE [--concurrency N] [--drain-time-s N]',
  details: `FILE is an Envoy v3 bootstrap in YAML or JSON: static resources, or the address of an ADS server. A setting that the
proxy does not have is refused with its path.`,
  positionals: false,
  options: {
    'config-path': { type: 'string', short: 'c' },
    concurrency: { type: 'string' },
    'drain-time-s': { type: 'string' },
  },
  optionHelp: {
    'config-path': 'the bootstrap',
    concurrency: 'data threads; one per core unless told',
    'drain-time-s': 'how long requests under way may take when a listener goes; 600 unless told',
  },
  async run({ values }) {
    const file = values['config-path']
    if (file === undefined) throw new UsageError('say which bootstrap with -c')
    const number = (name: string) => {
      if (values[name] === undefined) return undefined
      const value = Number(values[name])
      if (!Number.isInteger(value) || value < 1)
        throw new UsageError(`--${name} takes a positive number, not «${values[name]}»`)
      return value
    }
    const drainSeconds = number('drain-time-s')
    const proxy = await runFromBootstrapFile(file, {
      workers: number('concurrency'),
      ...(drainSeconds === undefined ? {} : { drainMs: drainSeconds * 1000 }),
    })
    await proxy.ready()
    for (const { name, address, port } of proxy.listeners()) console.log(`listener ${name} on ${address}:${port}`)
    if (proxy.adminAddress !== undefined) console.log(`admin on ${proxy.adminAddress}`)
    const signalled = new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve)
    })
    await Promise.race([signalled, proxy.quit])
    await proxy.close()
    return 0
  },
}
