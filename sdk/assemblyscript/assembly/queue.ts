import { Status } from "./enums"
import {
  proxy_dequeue_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
} from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, RESULT_VALUE, takeResult } from "./host/memory"

/** A queue between virtual machines. The root context that registers it is told of each entry by `onQueueReady`. */
export class SharedQueue {
  constructor(public readonly id: u32) {}

  /** Makes the queue, or joins it; null when the host refuses. */
  static register(name: string): SharedQueue | null {
    const key = String.UTF8.encode(name)
    const status = proxy_register_shared_queue(changetype<usize>(key), key.byteLength, RESULT_VALUE)
    return status == Status.Ok ? new SharedQueue(load<u32>(RESULT_VALUE)) : null
  }

  /** A queue that another virtual machine made; null when there is none. */
  static find(vmId: string, name: string): SharedQueue | null {
    const vm = String.UTF8.encode(vmId)
    const key = String.UTF8.encode(name)
    const at = changetype<usize>(key)
    const status = proxy_resolve_shared_queue(changetype<usize>(vm), vm.byteLength, at, key.byteLength, RESULT_VALUE)
    return status == Status.Ok ? new SharedQueue(load<u32>(RESULT_VALUE)) : null
  }

  push(value: ArrayBuffer): u32 {
    return proxy_enqueue_shared_queue(this.id, changetype<usize>(value), value.byteLength)
  }

  /** Null when it is empty. */
  pop(): ArrayBuffer | null {
    const status = proxy_dequeue_shared_queue(this.id, RESULT_DATA, RESULT_SIZE)
    return status == Status.Ok ? takeResult() : null
  }
}
