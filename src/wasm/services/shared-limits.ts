/** What all VMs of one vm_id may keep together. Beyond it `set` and `enqueue` answer INTERNAL_FAILURE. */
export interface SharedLimits {
  readonly dataBytes: number
  readonly dataKeys: number
  readonly queues: number
  readonly queueBytes: number
  readonly queueItems: number
}

/** What holds where nothing else is said. */
export const DEFAULT_SHARED_LIMITS: SharedLimits = {
  dataBytes: 4 << 20,
  dataKeys: 10_000,
  queues: 64,
  queueBytes: 4 << 20,
  queueItems: 10_000,
}
