/** What listeners ask for and what connections have: few words, so that both meet. */

/** Of the listener that a trial is run on; each side has another one. */
export const OWN_PORT = 64_999
/** Of the client, for the one connection of a trial that binds to it. */
export const SOURCE_PORT = 64_998

export const NAMES = [
  'a.example',
  'b.a.example',
  'c.b.a.example',
  'example',
  'other.test',
  'a.example.',
  '.example',
  'a..b',
]
export const WILDCARDS = ['*.example', '*.a.example', '*.b.a.example', '*.test']
export const PROTOCOLS = ['h2', 'http/1.1', 'http/1.0', 'h2c', 'x']

/** Addresses of this machine, to which and from which connections go. */
export const LOOPBACK = ['127.0.0.1', '127.0.0.2', '127.0.1.1', '127.1.0.1']
/** Those that PROXY protocol may tell. */
export const TOLD = [
  ...LOOPBACK,
  '10.0.0.1',
  '10.0.0.2',
  '10.1.0.1',
  '192.0.2.7',
  '255.255.255.255',
  '0.0.0.0',
  '224.0.0.1',
  '240.0.0.1',
]
export const TOLD_6 = ['::1', '2001:db8::1', '2001:db8:1::2', '::ffff:10.0.0.1', 'fe80::1', '::', 'ff02::1']
export const TOLD_PORTS = [1, 80, 443, 8080]

export const RANGES = [
  ['127.0.0.1', 32],
  ['127.0.0.1', 40],
  ['127.0.0.0', 24],
  ['127.0.0.3', 31],
  ['127.0.0.0', 16],
  ['127.1.2.3', 8],
  ['10.0.0.0', 8],
  ['10.0.0.1', 24],
  ['10.0.0.2', 32],
  ['0.0.0.0', 1],
  ['::1', 128],
  ['2001:db8::', 32],
  ['2001:DB8:1::', 48],
  ['fe80::', 10],
  ['::ffff:10.0.0.0', 104],
] as const
