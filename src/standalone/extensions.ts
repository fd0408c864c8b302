import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromSource, packagePath } from '../base/package-root.ts'
import { pushWasmImage } from '../oci/index.ts'
import { parseDocuments } from '../resources/yaml.ts'

/** Under what the extensions of this package are known upstream. */
const UPSTREAM = 'istio-ecosystem/wasm-extensions'

/** What `extension.yaml` says of an extension. */
interface ExtensionManifest {
  readonly name: string
  /** Tags that it is published under. */
  readonly tags: readonly string[]
  readonly title: string
  readonly description: string
}

/**
 * Publishes the extensions that come with Sluice to the embedded registry, under their upstream names and tags. A package that was
 * packed carries them built; a checkout builds them, once for each state of the sources.
 */
export async function publishExtensions(registry: string): Promise<void> {
  const dir = packagePath('extensions')
  for (const folder of readdirSync(dir)) {
    const file = join(dir, folder, 'extension.yaml')
    if (!existsSync(file)) continue
    const [document] = parseDocuments(readFileSync(file, 'utf8'), file)
    const manifest = document.object as ExtensionManifest
    const wasm = await moduleOf(join(dir, folder), manifest.name)
    for (const tag of manifest.tags) {
      await pushWasmImage({
        ref: `${registry}/${UPSTREAM}/${manifest.name}:${tag}`,
        wasm,
        annotations: {
          'org.opencontainers.image.title': manifest.title,
          'org.opencontainers.image.description': manifest.description,
        },
      })
    }
  }
}

async function moduleOf(folder: string, name: string): Promise<Uint8Array> {
  if (!fromSource) return readFileSync(packagePath(`dist/extensions/${name}.wasm`))
  const { buildExtension } = await import('../../sdk/assemblyscript/build.ts')
  return buildExtension(join(folder, 'assembly/index.ts'), { cacheDir: packagePath('gen/extensions') })
}
