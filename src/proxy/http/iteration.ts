/** Where a filter stands in one direction. */
export const Iteration = { Running: 0, StopSingle: 1, StopAll: 2 } as const

/** One direction of one filter of one stream (Envoy's ActiveStreamFilterBase). */
export class Direction {
  iteration: number = Iteration.Running
  headersContinued = false
  /** The filter has been given the end of the stream. */
  endStream = false
  /** The filter has taken what came and gives it on later: the end of it has not gone to those behind, whatever the peer has sent. */
  withholds = false
}
