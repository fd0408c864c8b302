import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { built, sourcesIn } from './cache.ts'

const DIR = join(dirname(fileURLToPath(import.meta.url)), 'assembly')

export type AbiVersion = '0.1.0' | '0.2.0' | '0.2.1'

/** The module that plays the program in its configuration (assembly/program.ts), for one version of the ABI. */
export function probe(version: AbiVersion): Promise<string> {
  const files = new Map(sourcesIn(DIR).map(([file, content]) => [file, content.toString('utf8')]))
  files.set('version.ts', files.get(`version-${version}.ts`) ?? '')
  const flags = ['-O', '--runtime', 'stub', '--exportStart', '_initialize', '--use', 'abort=fail']
  return built(`probe-${version}`, flags.join(' '), [...files], async () => {
    let module: Uint8Array | undefined
    const { error, stderr } = await asc.main([`entry-${version}.ts`, '--outFile', 'out.wasm', ...flags], {
      readFile: (name) => files.get(name) ?? null,
      writeFile: (_name, content) => {
        if (typeof content !== 'string') module = content
      },
      listFiles: () => [],
    })
    if (error !== null || module === undefined) throw new Error(`${error?.message}\n${stderr.toString()}`)
    return module
  })
}
