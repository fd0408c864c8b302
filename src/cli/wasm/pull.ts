import { statSync } from 'node:fs'
import { type Command, UsageError } from '../command.ts'
import { fetchTo } from './fetch.ts'

export const pull: Command = {
  summary: 'write the module of an image to a file',
  usage: 'REFERENCE [-o FILE]',
  options: { output: { type: 'string', short: 'o' } },
  optionHelp: { output: 'the file; plugin.wasm unless told' },
  async run({ values, positionals: [reference, ...more] }) {
    if (reference === undefined || more.length > 0) throw new UsageError('say REFERENCE')
    const file = values['output'] ?? 'plugin.wasm'
    const { digest } = await fetchTo(file, reference)
    console.log(`${file} (${statSync(file).size} bytes) from ${reference} ${digest ?? ''}`.trimEnd())
    return 0
  },
}
