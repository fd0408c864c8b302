/** Where Sluice and Envoy differ over HTTP/2, each with the reason. */
import type { Difference } from '../compare.ts'

const CLOSED = 'nghttp2 forgets closed streams and passes over frames on them; RFC 9113 5.1 has STREAM_CLOSED'

export const DIFFERENCES: readonly Difference[] = [
  { who: 'envoy', cases: ['http2/5.1/11', 'http2/5.1/12', 'http2/5.1/14', 'http2/5.1.1/2'], why: CLOSED },
  {
    who: 'envoy',
    cases: ['http2/4.2/5'],
    why: 'RFC 9113 4.2: no frame may be longer than SETTINGS_MAX_FRAME_SIZE; nghttp2 does not look at the length of CONTINUATION',
  },
  { who: 'envoy', cases: ['http2/6.3/1'], why: 'nghttp2 passes over PRIORITY, also where RFC 9113 6.3 has an error' },
  {
    who: 'envoy',
    cases: ['http2/6.9.2/4'],
    why: 'RFC 9113 6.9.2 asks for a connection error; Envoy resets the stream whose window overflows',
  },
  {
    who: 'envoy',
    cases: ['http2/7/1'],
    why: 'Envoy reads nothing behind a GOAWAY with an error and waits for the client to close',
  },
  {
    who: 'envoy',
    cases: ['http2/8.2/12', 'http2/8.2/13'],
    why: 'RFC 9113 8.2.1: white space around a value is malformed; Envoy forwards it',
  },
  {
    who: 'free',
    cases: ['http2/5.1/8', 'http2/5.1/9', 'attack/flood/13'],
    why: 'frames on a stream that the client itself has reset: Envoy passes over them, here they are STREAM_CLOSED (RFC 9113 5.1)',
  },
  {
    who: 'free',
    cases: ['http2/5.3.1/2'],
    why: 'RFC 9113 has left the tree of priorities out; a frame that depends on itself stays an error here, as in RFC 7540',
  },
  {
    who: 'free',
    cases: ['http2/5.4.2/1'],
    why: 'an increment of 0 is an error of the stream (RFC 9113 6.9); Envoy ends the connection for it',
  },
  {
    who: 'free',
    cases: ['http2/8.3.1/20'],
    why: 'RFC 9113 8.3.1: a Host other than :authority SHOULD be malformed, as it is here; Envoy drops the Host',
  },
  {
    who: 'free',
    cases: ['attack/flood/4', 'attack/flood/11'],
    why: 'these frames are cheap here, and leave nothing behind; Envoy counts them and ends the connection',
  },
  {
    who: 'free',
    cases: ['attack/flood/3'],
    why: 'both bear 1,000 answers that wait for the socket, but Envoy reads less at a time and so flushes more often',
  },
  {
    who: 'free',
    cases: ['hostile/interim/6'],
    why: 'more than 8 interim answers to one request are refused here; Envoy takes any number',
  },
  {
    who: 'free',
    cases: ['hostile/fields/7', 'hostile/fields/8', 'hostile/block/6', 'hostile/block/7'],
    why: 'headers beyond the limit are a protocol error of the upstream (502), as in HTTP/1.1; Envoy says 503 for HTTP/2',
  },
]
