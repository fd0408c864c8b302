/** Envoy's health flags of a host, with the names that its `/clusters` gives them. */
export const HealthFlag = {
  FailedActiveCheck: 0x1,
  FailedOutlierCheck: 0x2,
  FailedEds: 0x4,
  DegradedActiveCheck: 0x8,
  DegradedEds: 0x10,
  /** Discovery no longer has it, but its health checks pass. */
  PendingRemoval: 0x20,
  /** New, and to be left out of every count until the first check. */
  PendingActiveCheck: 0x40,
  /** It has said in an answer that it fails. */
  ImmediateFail: 0x100,
  Draining: 0x200,
} as const

/** Hosts with one of these get nothing, unless in panic. */
export const UNHEALTHY =
  HealthFlag.FailedActiveCheck | HealthFlag.FailedOutlierCheck | HealthFlag.FailedEds | HealthFlag.Draining
/** Hosts with one of these get what the healthy ones cannot take. */
export const DEGRADED = HealthFlag.DegradedActiveCheck | HealthFlag.DegradedEds
/** Hosts that no share of healthy hosts is reckoned by. */
export const EXCLUDED = HealthFlag.PendingActiveCheck | HealthFlag.ImmediateFail | HealthFlag.Draining

const NAMES: readonly (readonly [number, string])[] = [
  [HealthFlag.FailedActiveCheck, '/failed_active_hc'],
  [HealthFlag.FailedOutlierCheck, '/failed_outlier_check'],
  [HealthFlag.FailedEds, '/failed_eds_health'],
  [HealthFlag.DegradedActiveCheck, '/degraded_active_hc'],
  [HealthFlag.DegradedEds, '/degraded_eds_health'],
  [HealthFlag.PendingRemoval, '/pending_dynamic_removal'],
  [HealthFlag.PendingActiveCheck, '/pending_active_hc'],
  [HealthFlag.ImmediateFail, '/excluded_via_immediate_hc_fail'],
  [HealthFlag.Draining, '/eds_status_draining'],
]

/** The flags as `/clusters` shows them. */
export function healthFlagsText(flags: number): string {
  const text = NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name)
  return text.length === 0 ? 'healthy' : text.join('')
}
