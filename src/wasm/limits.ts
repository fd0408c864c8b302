/** What one extension may use. Every row stands in docs/reference/wasm-host.md with what happens beyond it. */
export interface Limits {
  // Checked or built in when the module is compiled:
  readonly moduleBytes: number
  /** Pages of 64 KiB. */
  readonly memoryPages: number
  readonly tableElements: number
  /** Have the module count down its fuel (binary/regions.ts). Without it an endless loop stops its worker for good. */
  readonly fuel: boolean
  // Held while it runs:
  /** Instructions, roughly, per callback. */
  readonly callbackFuel: number
  /** The same for starting the module, `proxy_on_vm_start` and `proxy_on_configure`. */
  readonly startFuel: number
  /** Work that host functions may do in one callback: 1 per call and 1 per 64 bytes moved. */
  readonly hostCallBudget: number
  readonly logMessageBytes: number
  /** Log lines that may be written at once, and how many are earned back per second. */
  readonly logBurst: number
  readonly logsPerSecond: number
  readonly metrics: number
  readonly metricNameBytes: number
  readonly calloutsInFlight: number
  readonly calloutBodyBytes: number
  readonly headerBytes: number
  readonly bodyBytes: number
  readonly expressions: number
  readonly declaredProperties: number
  readonly propertyBytes: number
  /** The shortest tick period, in milliseconds. */
  readonly tickMs: number
}

/** What holds where nothing else is said (docs/reference/wasm-host.md). */
export const DEFAULT_LIMITS: Limits = {
  moduleBytes: 64 << 20,
  memoryPages: 1024,
  tableElements: 1 << 18,
  fuel: true,
  callbackFuel: 200_000_000,
  startFuel: 2_000_000_000,
  hostCallBudget: 1_000_000,
  logMessageBytes: 64 << 10,
  logBurst: 200,
  logsPerSecond: 100,
  metrics: 1000,
  metricNameBytes: 1024,
  calloutsInFlight: 1000,
  calloutBodyBytes: 1 << 20,
  headerBytes: 96 << 10,
  bodyBytes: 16 << 20,
  expressions: 256,
  declaredProperties: 256,
  propertyBytes: 64 << 10,
  tickMs: 1,
}
