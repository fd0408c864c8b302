import { createHash } from 'node:crypto'
import type { CompiledModule } from './compile.ts'
import type { PluginSettings } from './plugin-config.ts'
import type { Vm } from './vm.ts'

/** Is told of VMs that come and go. */
export interface VmObserver {
  created(): void
  gone(): void
}

/** The VMs of one worker by key: plugins with equal vm_id, vm_config, environment, limits and code share one (cpp-host's makeVmKey). */
export class VmCache {
  observer: VmObserver | undefined
  readonly #vms = new Map<string, Vm>()

  /** The living VM of that key. */
  get(key: string): Vm | undefined {
    const vm = this.#vms.get(key)
    return vm?.failure === undefined ? vm : undefined
  }

  put(key: string, vm: Vm): void {
    this.#vms.set(key, vm)
    this.observer?.created()
  }

  remove(key: string, vm: Vm): void {
    if (this.#vms.get(key) !== vm) return
    this.#vms.delete(key)
    this.observer?.gone()
  }

  get size(): number {
    return this.#vms.size
  }
}

/** Parts go in with their lengths, or `ab`+`c` would be `a`+`bc`. */
export function vmKey(compiled: CompiledModule, settings: PluginSettings): string {
  const hash = createHash('sha256')
  const part = (bytes: Uint8Array) => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(bytes.length))
    hash.update(length).update(bytes)
  }
  part(Buffer.from(settings.vmId))
  part(settings.vmConfiguration)
  part(Buffer.from(compiled.digest))
  part(Buffer.from(JSON.stringify(compiled.limits)))
  part(Buffer.from(JSON.stringify(Object.entries(settings.environment))))
  part(Buffer.from(JSON.stringify([...(settings.allowedCapabilities ?? [])].sort())))
  part(Buffer.from(String(settings.passInvalidUtf8)))
  return hash.digest('hex')
}
