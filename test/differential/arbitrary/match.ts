import fc from 'fast-check'
import {
  fields,
  headerName,
  headerValue,
  on,
  oneField,
  regex,
  segment,
  seldomOdd,
  simplePath,
  some,
  someValue,
  stringMatcher,
} from './words.ts'

const number = fc.constantFrom(-1, 0, 1, 2, 10, 11).map(String)

const headerMatcher = fields(
  fc.record({
    name: fc.oneof(
      { weight: 3, arbitrary: headerName },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ':path',
          ':method',
          ':authority',
          'Host',
          ':scheme',
          'content-length',
          'x-forwarded-proto',
          'x-request-id',
        ),
      },
    ),
  }),
  oneField({
    present_match: on,
    exact_match: headerValue,
    prefix_match: someValue,
    suffix_match: someValue,
    contains_match: someValue,
    safe_regex_match: regex,
    range_match: fc.record({ start: number, end: number }),
    string_match: stringMatcher,
  }),
  some({ invert_match: on, treat_missing_header_as_empty: on }),
)

const queryMatcher = fields(
  fc.record({ name: fc.constantFrom('a', 'b', 'c', 'A', '%61') }),
  fc.oneof(fc.constant({}), oneField({ present_match: on, string_match: stringMatcher })),
)

const chance = fc.constantFrom(0, 100).map((numerator) => ({ default_value: { numerator, denominator: 'HUNDRED' } }))

const pathMatch = fc.oneof(
  { weight: 4, arbitrary: fc.record({ prefix: fc.oneof(fc.constantFrom('/', '', '/a', '/a/', '/b'), simplePath) }) },
  { weight: 3, arbitrary: fc.record({ path: simplePath }) },
  {
    weight: 2,
    arbitrary: fc.record({
      path_separated_prefix: seldomOdd(
        segment.map((one) => `/${one}`),
        fc.constantFrom('/a/', '/', '/a?b'),
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ safe_regex: regex }) },
  { weight: 1, arbitrary: fc.constant({ connect_matcher: {} }) },
)

export const routeMatch = fields(
  pathMatch,
  some({ case_sensitive: on }),
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    {
      weight: 2,
      arbitrary: some({
        headers: fc.array(headerMatcher, { minLength: 1, maxLength: 2 }),
        query_parameters: fc.array(queryMatcher, { minLength: 1, maxLength: 2 }),
        runtime_fraction: chance,
        grpc: fc.constant({}),
      }),
    },
  ),
)
