/** What outlier detection keeps of one host. */
export class OutlierMonitor {
  consecutive5xx = 0
  consecutiveGatewayFailure = 0
  consecutiveLocalOriginFailure = 0
  /** How often it was ejected lately: each time for longer. */
  backOff = 0
  ejectedAt = 0
  jitterMs = 0
  /** What the host answered, and whether it could be reached at all, within the present interval. */
  readonly external = new RequestCount()
  readonly local = new RequestCount()
}

/** Requests of one interval. */
class RequestCount {
  total = 0
  success = 0
  /** The percent of success in the last one; -1: too few requests to tell. */
  rate = -1
}
