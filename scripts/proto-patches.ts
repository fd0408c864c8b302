/** What Envoy has in its protos by now, and the files that `@grpc/grpc-js-xds` ships have not. */
interface Patch {
  readonly file: string
  readonly module: string
  readonly find: string
  readonly add: string
  /** `add` stands in place of what is found, not behind it. */
  readonly replaces?: boolean
}

/** Rate limits as of Envoy 1.40: field numbers are those of its own descriptors. */
const RATE_LIMITS: Patch[] = [
  ...inFile('config/route/v3/route_components.proto', [
    [
      'import "envoy/config/core/v3/base.proto";',
      'import "envoy/config/core/v3/address.proto";\nimport "envoy/type/v3/ratelimit_unit.proto";',
    ],
    [
      'message RateLimit {',
      `  enum XRateLimitOption {
    UNSPECIFIED = 0;
    OFF = 1;
    DRAFT_VERSION_03 = 2;
  }
  message HitsAddend {
    google.protobuf.UInt64Value number = 1;
    string format = 2;
    bool is_negative_hits = 3;
  }
  HitsAddend hits_addend = 5;
  bool apply_on_stream_done = 6;
  XRateLimitOption x_ratelimit_option = 7;`,
    ],
    ['ROUTE_ENTRY = 1;', 'CLUSTER_ENTRY = 2;\nCLUSTER_LOCALITY_ENTRY = 3;'],
    ['message GenericKey {', '  string default_value = 3;'],
    ['message HeaderValueMatch {', '  string default_value = 5;'],
    ['message QueryParameterValueMatch {', '  string default_value = 5;'],
    [
      'message RemoteAddress {',
      `    message QueryParameters {
      string query_parameter_name = 1;
      string descriptor_key = 2;
      bool skip_if_absent = 3;
    }
    message RemoteAddressMatch {
      message AddressMatcher {
        repeated core.v3.CidrRange ranges = 1;
        bool invert_match = 2;
      }
      string descriptor_value = 1;
      string descriptor_key = 2;
      string default_value = 3;
      AddressMatcher address_matcher = 4;
    }
    message RemoteAddress {`,
      true,
    ],
    [
      'query_parameter_value_match = 11;',
      'QueryParameters query_parameters = 12;\nRemoteAddressMatch remote_address_match = 13;',
    ],
    [
      'message Override {',
      `    message RateLimitOverride {
      uint32 requests_per_unit = 1;
      type.v3.RateLimitUnit unit = 2;
    }`,
    ],
    ['DynamicMetadata dynamic_metadata = 1;', 'RateLimitOverride rate_limit = 2;'],
  ]),
  ...inFile('extensions/common/ratelimit/v3/ratelimit.proto', [
    ['import "envoy/type/v3/token_bucket.proto";', 'import "google/protobuf/wrappers.proto";'],
    ['RateLimitOverride limit = 2;', '  google.protobuf.UInt64Value hits_addend = 3;\n  bool is_negative_hits = 4;'],
    ['message LocalRateLimitDescriptor {', '  bool shadow_mode = 3;'],
  ]),
  ...inFile('extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto', [
    ['import "envoy/config/core/v3/base.proto";', 'import "envoy/config/route/v3/route_components.proto";'],
    [
      'message LocalRateLimit {',
      `  repeated config.route.v3.RateLimit rate_limits = 17;
  google.protobuf.UInt32Value max_dynamic_descriptors = 18;
  bool enable_retry_after_header = 19;`,
    ],
  ]),
  ...inFile('extensions/filters/http/ratelimit/v3/rate_limit.proto', [
    [
      'message RateLimit {',
      `  config.core.v3.RuntimeFractionalPercent filter_enabled = 14;
  config.core.v3.RuntimeFractionalPercent filter_enforced = 15;
  config.core.v3.RuntimeFractionalPercent failure_mode_deny_percent = 16;
  repeated config.route.v3.RateLimit rate_limits = 17;
  string metadata_namespace = 18;
  bool enable_retry_after_header = 19;`,
    ],
    ['repeated RateLimitConfig rate_limits = 3;', 'repeated config.route.v3.RateLimit rate_limits = 3;', true],
  ]),
  ...inFile('service/ratelimit/v3/rls.proto', [['MONTH = 5;', 'WEEK = 7;']]),
]

/** Mutations of query parameters as of Envoy 1.40. */
const QUERY_MUTATIONS: Patch[] = [
  ...inFile('config/core/v3/base.proto', [
    [
      'message KeyValueAppend {',
      `message KeyValuePair {
  string key = 1;
  google.protobuf.Value value = 2;
}

message KeyValueAppend {
  KeyValuePair record = 3;`,
      true,
    ],
  ]),
  ...inFile('extensions/filters/http/header_mutation/v3/header_mutation.proto', [
    [
      'import "envoy/config/common/mutation_rules/v3/mutation_rules.proto";',
      'import "envoy/config/core/v3/base.proto";',
    ],
    ['message Mutations {', '  repeated config.core.v3.KeyValueMutation query_parameter_mutations = 3;'],
  ]),
]

function inFile(file: string, patches: readonly (readonly [find: string, add: string, replaces?: boolean])[]): Patch[] {
  return patches.map(([find, add, replaces = false]) => ({
    module: 'envoy-api',
    file: `envoy/${file}`,
    find,
    add,
    replaces,
  }))
}

export const PATCHES: readonly Patch[] = [
  ...QUERY_MUTATIONS,
  ...RATE_LIMITS,
  {
    // Tells several health checks of a cluster apart (Envoy 1.40).
    module: 'envoy-api',
    file: 'envoy/config/core/v3/health_check.proto',
    find: 'message HealthCheck {',
    add: '  string name = 27;',
  },
  {
    module: 'xds',
    file: 'xds/type/matcher/v3/matcher.proto',
    find: 'message OnMatch {',
    add: '    bool keep_matching = 3;',
  },
  {
    // Of Envoy 1.34 and newer.
    module: 'envoy-api',
    file: 'envoy/extensions/load_balancing_policies/common/v3/common.proto',
    find: 'message ZoneAwareLbConfig {',
    add: `    enum LocalityBasis {
      HEALTHY_HOSTS_NUM = 0;
      HEALTHY_HOSTS_WEIGHT = 1;
    }
    message ForceLocalZone {
      google.protobuf.UInt32Value min_size = 1;
    }
    bool force_locality_direct_routing = 4;
    ForceLocalZone force_local_zone = 5;
    LocalityBasis locality_basis = 6;`,
  },
  ...inFile('extensions/filters/http/compressor/v3/compressor.proto', [
    [
      'message ResponseDirectionConfig {',
      `    repeated uint32 uncompressible_response_codes = 4;
    bool status_header_enabled = 5;
    bool weaken_etag_on_compress = 6;`,
    ],
  ]),
  // Of Envoy 1.37 and newer.
  ...inFile('service/auth/v3/external_auth.proto', [
    ['DeniedHttpResponse denied_response = 2;', 'DeniedHttpResponse error_response = 5;'],
  ]),
  ...inFile('extensions/filters/http/lua/v3/lua.proto', [
    [
      'import "envoy/config/core/v3/base.proto";',
      'import "google/protobuf/struct.proto";\nimport "google/protobuf/wrappers.proto";',
    ],
    ['string stat_prefix = 4;', 'google.protobuf.BoolValue clear_route_cache = 5;'],
    ['message LuaPerRoute {', '  google.protobuf.Struct filter_context = 4;'],
  ]),
  {
    // The shipped protoc-gen-validate lacks this field, which the shipped Envoy protos use.
    module: 'protoc-gen-validate',
    file: 'validate/validate.proto',
    find: 'message StringRules {',
    add: '  optional bool ignore_empty = 26;',
  },
  {
    // Fields 7 to 9 of Envoy 1.33 and newer; Istio always sets failure_policy.
    module: 'envoy-api',
    file: 'envoy/extensions/wasm/v3/wasm.proto',
    find: 'message PluginConfig {',
    add: `  FailurePolicy failure_policy = 7;
  ReloadConfig reload_config = 8;
  google.protobuf.BoolValue allow_on_headers_stop_iteration = 9;`,
  },
  {
    module: 'envoy-api',
    file: 'envoy/extensions/wasm/v3/wasm.proto',
    find: 'option (udpa.annotations.file_status).package_version_status = ACTIVE;',
    add: `enum FailurePolicy {
  UNSPECIFIED = 0;
  FAIL_RELOAD = 1;
  FAIL_CLOSED = 2;
  FAIL_OPEN = 3;
}

message ReloadConfig {
  config.core.v3.BackoffStrategy backoff = 1;
}
`,
  },
  {
    module: 'envoy-api',
    file: 'envoy/extensions/wasm/v3/wasm.proto',
    find: 'import "envoy/config/core/v3/base.proto";',
    add: 'import "envoy/config/core/v3/backoff.proto";\nimport "google/protobuf/wrappers.proto";',
  },
]
