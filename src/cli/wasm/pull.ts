import { statSync } from 'node:fs'
import { type Command, UsageError } from '../command.ts'
import { fetchTo } from './fetch.ts'
import { QUIET, QUIET_HELP, withProgress } from './progress.ts'

export const pull: Command = {
  summary: 'write the module of an image to a file',
  usage: 'REFERENCE [-o FILE] [--quiet]',
  options: { output: { type: 'string', short: 'o' }, ...QUIET },
  optionHelp: { output: 'the file; plugin.wasm unless told', ...QUIET_HELP },
  async run({ values, positionals: [reference, ...more] }) {
    if (reference === undefined || more.length > 0) throw new UsageError('say REFERENCE')
    const file = values['output'] ?? 'plugin.wasm'
    const { digest } = await withProgress(values['quiet'], (onTransfer) => fetchTo(file, reference, onTransfer))
    console.log(`${file} (${statSync(file).size} bytes) from ${reference} ${digest ?? ''}`.trimEnd())
    return 0
  },
}
