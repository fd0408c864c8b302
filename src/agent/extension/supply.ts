import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { toBinary } from '@bufbuild/protobuf'
import { type Any, durationMs } from '@bufbuild/protobuf/wkt'
import { type PluginConfig, PluginConfigSchema } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { SupplyError } from '../../oci/index.ts'
import type { ModuleCache } from '../cache/module-cache.ts'
import { checkMagic } from '../fetch/magic.ts'
import { parsePullPolicy } from '../pull-policy.ts'
import type { Trial } from '../trial/trial.ts'
import type { WasmExtension } from './decode.ts'
import { encodeWasm, localPlugin, withoutHostSettings } from './encode.ts'

/** A Wasm extension that is fit for the proxy. */
export interface Supplied {
  /** The resource with its module in a local file. */
  readonly resource: Any
  readonly digest?: string
  readonly source?: string
  readonly fromCache?: boolean
  /** Hex; of a module in the cache. */
  readonly sha256?: string
  /** Fingerprints of the signers whose signatures were verified. */
  readonly signedBy?: readonly string[]
  /** What is not as it should be, and lets it run all the same. */
  readonly warnings?: readonly string[]
  /** Call it when the proxy no longer needs the module's file. */
  readonly release: () => void
}

const nothing = () => {}

/** Gets the module of an extension and tries it out. */
export class Supply {
  readonly #cache: ModuleCache
  readonly #trial: Trial | undefined
  readonly #hostSettings: boolean
  /** Module and configuration -> the trial, so that what started once is not started again for each delivery. */
  readonly #tried = new Map<string, Promise<void>>()

  constructor(cache: ModuleCache, trial: Trial | undefined, hostSettings = false) {
    this.#cache = cache
    this.#trial = trial
    this.#hostSettings = hostSettings
  }

  async get(extension: WasmExtension): Promise<Supplied> {
    return extension.code === 'remote' ? await this.#remote(extension) : await this.#local(extension)
  }

  async #remote(extension: WasmExtension): Promise<Supplied> {
    const { name, vm, meta } = extension
    // "A missing secret is a failure, never anonymous": the control plane writes "" for one that it did not find.
    if (meta.pullSecret === '') throw this.#failed('fetch_failure', new SupplyError('SL3019', name))
    const specifier = vm.code?.specifier
    const remote = specifier?.case === 'remote' ? specifier.value : undefined
    const uri = remote?.httpUri
    if (remote === undefined || uri === undefined) {
      throw this.#failed('miss_remote_fetch_hint', new SupplyError('SL3001', `${name} has remote code but no URI`))
    }
    return await this.#cached(extension, {
      url: uri.uri,
      sha256: remote.sha256,
      ...(uri.timeout === undefined ? {} : { timeoutMs: durationMs(uri.timeout) }),
    })
  }

  async #local(extension: WasmExtension): Promise<Supplied> {
    const { vm, meta, plugin } = extension
    const specifier = vm.code?.specifier
    const source = specifier?.case === 'local' ? specifier.value.specifier : undefined
    // Code inside Envoy itself is named by a string and cannot be tried.
    if (vm.runtime === 'envoy.wasm.runtime.null' || source?.case === 'environmentVariable') {
      this.#cache.metrics.converted('no_remote_load')
      return { resource: this.#encode(extension, plugin), release: nothing }
    }
    if (source?.case === 'filename') {
      const checked = meta.localSha256 !== undefined || meta.verificationKey !== undefined || meta.signatures.length > 0
      if (checked) {
        // What is checked must be what runs: the checked copy is used.
        return await this.#cached(extension, { url: `file://${source.value}`, sha256: meta.localSha256 ?? '' })
      }
      const bytes = await readFile(source.value).catch((error: NodeJS.ErrnoException) => {
        throw this.#failed(
          'fetch_failure',
          new SupplyError('SL3022', `${source.value} (${error.code})`, { cause: error }),
        )
      })
      return await this.#given(extension, bytes, source.value)
    }
    const inline = source?.case === 'inlineBytes' ? source.value : Buffer.from(source?.value ?? '', 'latin1')
    return await this.#given(extension, inline, `${plugin.name} (inline)`)
  }

  async #given(extension: WasmExtension, bytes: Uint8Array, where: string): Promise<Supplied> {
    const policy = extension.meta.signatures.find(({ warn }) => !warn)?.policy
    if (policy !== undefined) {
      const text = `${where} has no place for a signature, which the signature policy ${policy} asks for`
      throw this.#failed('fetch_failure', new SupplyError('SL3025', text))
    }
    try {
      checkMagic(Buffer.from(bytes.subarray(0, 8)), where)
    } catch (error) {
      throw this.#failed('fetch_failure', error)
    }
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await this.#try(extension.plugin, sha256)
    this.#cache.metrics.converted('no_remote_load')
    return { resource: this.#encode(extension, extension.plugin), digest: `sha256:${sha256}`, release: nothing }
  }

  async #cached(
    extension: WasmExtension,
    want: { url: string; sha256: string; timeoutMs?: number },
  ): Promise<Supplied> {
    const { name, meta } = extension
    const module = await this.#cache
      .get({
        ...want,
        resourceName: name,
        resourceVersion: meta.resourceVersion ?? '',
        pullPolicy: parsePullPolicy(meta.pullPolicy),
        pullSecret: meta.pullSecret,
        verificationKey: meta.verificationKey === '' ? undefined : meta.verificationKey,
        signatures: meta.signatures,
      })
      .catch((error) => {
        throw this.#failed('fetch_failure', error)
      })
    const plugin = localPlugin(extension, module.path)
    try {
      await this.#try(plugin, module.sha256)
    } catch (error) {
      module.release()
      throw error
    }
    this.#cache.metrics.converted('success')
    const { digest, source, fromCache, release, sha256, signedBy, warnings } = module
    const resource = this.#encode(extension, plugin)
    const from = source === undefined ? {} : { source }
    return { resource, digest, ...from, fromCache, sha256, signedBy, warnings, release }
  }

  #encode(extension: WasmExtension, plugin: PluginConfig): Any {
    return encodeWasm(extension, this.#hostSettings ? plugin : withoutHostSettings(plugin))
  }

  async #try(plugin: PluginConfig, sha256: string): Promise<void> {
    if (this.#trial === undefined) return
    // The place of a module in the cache is its content; what else a start can depend on is in the configuration.
    const key = createHash('sha256').update(sha256).update(toBinary(PluginConfigSchema, plugin)).digest('hex')
    let trial = this.#tried.get(key)
    if (trial === undefined) {
      trial = this.#trial(plugin)
      this.#tried.set(key, trial)
      // A failure may pass (a machine that was too busy), so only what started is remembered.
      trial.catch(() => this.#tried.delete(key))
      if (this.#tried.size > 1000) this.#tried.delete(this.#tried.keys().next().value!)
    }
    try {
      await trial
    } catch (error) {
      throw this.#failed('trial_failure', error)
    }
  }

  #failed(result: 'fetch_failure' | 'miss_remote_fetch_hint' | 'trial_failure', error: unknown): unknown {
    this.#cache.metrics.converted(result)
    return error
  }
}
