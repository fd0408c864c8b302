import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileModuleSync } from '../../wasm/index.ts'
import { type Command, UsageError } from '../command.ts'
import { table } from '../output.ts'
import { fetchTo } from './fetch.ts'

export const inspect: Command = {
  summary: 'tell what a module is: ABI, callbacks, host functions it needs, digests',
  usage: 'FILE|REFERENCE',
  options: {},
  async run({ positionals: [source, ...more] }) {
    if (source === undefined || more.length > 0) throw new UsageError('say FILE or REFERENCE')
    const dir = mkdtempSync(join(tmpdir(), 'sluice-inspect-'))
    try {
      const file = join(dir, 'module.wasm')
      const fetched = await fetchTo(file, source)
      const bytes = readFileSync(file)
      const module = compileModuleSync(bytes)
      const rows = [
        ['module', source],
        ['size', `${bytes.length} bytes`],
        ['sha256', module.digest],
        ['abi', module.abi],
        ['callbacks', module.callbacks.join(' ')],
        [
          'imports',
          module.functionImports.map(({ module: from, name }) => (from === 'env' ? name : `${from}.${name}`)).join(' '),
        ],
      ]
      if (fetched.digest !== undefined) rows.splice(1, 0, ['image', `${fetched.digest} (${fetched.format})`])
      console.log(table(rows))
      return 0
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
}
