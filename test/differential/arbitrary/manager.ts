import fc from 'fast-check'
import { addedToReply } from './mutations.ts'
import { fields, format, on, some } from './words.ts'

const status = (op: string, value: number) => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: 'none' } } },
})

const bodyFormat = fields(
  fc.oneof(
    fc.record({ text_format_source: fc.record({ inline_string: format.map((one) => `${one}|%LOCAL_REPLY_BODY%`) }) }),
    fc.record({ json_format: fc.record({ code: fc.constant('%RESPONSE_CODE%'), x: format }) }),
  ),
  some({ content_type: fc.constantFrom('text/x-own', 'application/json; charset=UTF-8') }),
)

const localReply = some({
  mappers: fc.array(
    fields(
      fc.record({ filter: fc.constantFrom(status('EQ', 404), status('GE', 400), status('LE', 403)) }),
      some({
        status_code: fc.constantFrom(418, 200, 503),
        body: fc.constantFrom({ inline_string: 'mapped' }, { inline_string: '' }),
        body_format_override: bodyFormat,
        headers_to_add: addedToReply,
      }),
    ),
    { minLength: 1, maxLength: 2 },
  ),
  body_format: bodyFormat,
})

const forwarded = some({
  use_remote_address: on,
  xff_num_trusted_hops: fc.constantFrom(0, 1, 2),
  skip_xff_append: on,
  append_x_forwarded_port: on,
  internal_address_config: fc.constantFrom({}, { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] }),
  generate_request_id: on,
  preserve_external_request_id: on,
  always_set_request_id_in_response: on,
})

const path = some({
  normalize_path: on,
  merge_slashes: on,
  path_with_escaped_slashes_action: fc.constantFrom(
    'KEEP_UNCHANGED',
    'REJECT_REQUEST',
    'UNESCAPE_AND_REDIRECT',
    'UNESCAPE_AND_FORWARD',
  ),
})

const hostOptions = fc.oneof(
  fc.constant({}),
  some({ strip_matching_host_port: on, strip_trailing_host_dot: on }),
  some({ strip_any_host_port: on, strip_trailing_host_dot: on }),
)

const names = some({
  via: fc.constantFrom('proxy', '1.1 proxy'),
  server_name: fc.constantFrom('own', ''),
  server_header_transformation: fc.constantFrom('OVERWRITE', 'APPEND_IF_ABSENT', 'PASS_THROUGH'),
})

const codec = some({
  common_http_protocol_options: some({
    headers_with_underscores_action: fc.constantFrom('ALLOW', 'REJECT_REQUEST', 'DROP_HEADER'),
  }),
  http_protocol_options: some({
    accept_http_10: on,
    default_host_for_http_10: fc.constantFrom('a.example', 'b.example'),
    allow_absolute_url: on,
    allow_custom_methods: on,
    enable_trailers: on,
    override_stream_error_on_invalid_http_message: on,
  }),
  stream_error_on_invalid_http_message: on,
})

/** Each group is off in most managers, so that one difference does not hide the others. */
const seldom = (group: fc.Arbitrary<object>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: group })

export const manager = fields(
  seldom(forwarded),
  seldom(path),
  seldom(hostOptions),
  seldom(names),
  seldom(codec),
  seldom(fc.record({ local_reply_config: localReply })),
)
