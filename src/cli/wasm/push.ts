import { readFileSync } from 'node:fs'
import { type ImageFormat, pushWasmImage } from '../../oci/index.ts'
import { compileModuleSync } from '../../wasm/index.ts'
import { type Command, UsageError } from '../command.ts'
import { QUIET, QUIET_HELP, withProgress } from './progress.ts'
import { registryOptions } from './registry-options.ts'

const FORMATS: readonly string[] = ['oci', 'docker', 'artifact'] satisfies ImageFormat[]

export const push: Command = {
  summary: 'push a module to a registry as an image',
  usage: 'FILE REFERENCE [--format oci|docker|artifact] [--annotation KEY=VALUE …] [--no-check] [--quiet]',
  details: 'Credentials come from the Docker configuration, as `docker login` writes it.',
  options: {
    format: { type: 'string' },
    annotation: { type: 'string', multiple: true },
    'no-check': { type: 'boolean' },
    ...QUIET,
  },
  optionHelp: {
    format: 'how the image holds the module; oci unless told',
    annotation: 'an annotation of the manifest',
    'no-check': 'push even what no Proxy-Wasm host would load',
    ...QUIET_HELP,
  },
  async run({ values, positionals: [file, ref, ...more] }) {
    if (file === undefined || ref === undefined || more.length > 0) throw new UsageError('say FILE and REFERENCE')
    const format = values['format'] ?? 'oci'
    if (!FORMATS.includes(format)) throw new UsageError(`--format takes ${FORMATS.join(', ')}, not «${format}»`)
    const wasm = readFileSync(file)
    // A module that cannot be loaded is better refused here than on every gateway.
    if (values['no-check'] !== true) compileModuleSync(wasm)
    const options = { ref, wasm, format, annotations: annotations(values['annotation'] ?? []), ...registryOptions() }
    const image = await withProgress(values['quiet'], (onTransfer) => pushWasmImage({ ...options, onTransfer }))
    console.log(`${image.ref} (${image.size} bytes)`)
    return 0
  },
}

function annotations(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`--annotation takes KEY=VALUE, not «${pair}»`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
