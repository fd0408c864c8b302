/** What a filter tells its chain. Names, numbers and meanings are Envoy's (`envoy/http/filter.h`). */
export const FilterHeadersStatus = {
  /** Go on with the next filter. */
  Continue: 0,
  /** Stop here; data of the same direction still comes to this filter, whose `Continue` then lets all of it go. */
  StopIteration: 1,
  /** Go on, but a message that ended with its headers stays open: this filter will add a body. */
  ContinueAndDontEndStream: 2,
  /** Stop everything of this direction; what arrives is held, and too much of it fails the stream (413 or 500). */
  StopAllIterationAndBuffer: 3,
  /** Stop everything of this direction; too much of it stops reading from the peer. */
  StopAllIterationAndWatermark: 4,
} as const
export type FilterHeadersStatus = (typeof FilterHeadersStatus)[keyof typeof FilterHeadersStatus]

/** What a filter answers to a piece of a body. */
export const FilterDataStatus = {
  Continue: 0,
  /** Hold this and what follows; too much of it fails the stream (413 or 500). */
  StopIterationAndBuffer: 1,
  /** Hold this and what follows; too much of it stops reading from the peer. */
  StopIterationAndWatermark: 2,
  /** Stop, and drop this chunk unless the filter took it. */
  StopIterationNoBuffer: 3,
} as const
export type FilterDataStatus = (typeof FilterDataStatus)[keyof typeof FilterDataStatus]

/** What a filter answers to trailers; `StopIteration` holds them, and what of the body is held, until the filter continues. */
export const FilterTrailersStatus = { Continue: 0, StopIteration: 1 } as const
export type FilterTrailersStatus = (typeof FilterTrailersStatus)[keyof typeof FilterTrailersStatus]
