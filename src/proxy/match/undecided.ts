/**
 * Stands for a value that does not exist yet, such as the certificate of a connection without TLS. Unlike one that is absent it leaves
 * undecided what depends on it, and with that the whole tree (Envoy's `DataAvailability::NotAvailable`): `not_matcher` makes no match of it.
 */
export const UNDECIDED: unique symbol = Symbol('undecided')
/** The type of UNDECIDED. */
export type Undecided = typeof UNDECIDED
