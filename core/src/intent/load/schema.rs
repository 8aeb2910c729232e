//! The fields of every kind, as data: what [`check`](super::check) walks. A test holds them against the types.

use super::Kind;

/// What a value must be.
#[derive(Debug)]
pub(super) enum Shape {
    /// Accepted, whatever it is, and dropped: `status`, and metadata set by servers.
    Dropped,
    /// Anything that Helm may be given: a mapping.
    Values,
    /// Text; may be empty.
    Text,
    /// Text of at least one character.
    Name,
    /// A DNS label.
    Label,
    /// `true` or `false`.
    Bool,
    /// A whole number in this range.
    Whole(i64, i64),
    /// A number of releases kept, 1 to 1000; the original brings others into the range.
    History,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Pods or a percentage; never nothing.
    Surge,
    /// Clusters or a percentage of them.
    MaxFailed,
    /// A duration; with `true` it must not be zero.
    Duration(bool),
    /// A step by name or index.
    Step,
    /// A path within the repository.
    Path,
    /// Where a chart comes from.
    Url,
    /// A mapping of text to text.
    TextMap,
    /// A list of such values.
    List(&'static Self, Repeats),
    /// A mapping with these fields.
    Record(&'static [Field]),
}

/// What a list says of items that repeat: texts that are equal, or records of one `name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    /// They mean something.
    Allowed,
    /// They are refused.
    Refused,
    /// They are refused, but only warned about in objects of the original, which accepted them.
    RefusedHere,
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

const fn needed(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

use Repeats::{Allowed, Refused, RefusedHere};
use Shape::{
    Bool, Dropped, Duration, History, Label, List, MaxFailed, Name, OneOf, Path, Record, Step, Surge, Text,
    TextMap,
};
use Shape::{Url, Values, Whole};

const U32: i64 = u32::MAX as i64;

/// The fields of a whole file.
pub(super) fn root(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Application => &APPLICATION,
        Kind::Strategy => &STRATEGY,
        Kind::Cluster => &CLUSTER,
        Kind::RolloutBlock => &BLOCK,
    }
}

const fn object(spec: &'static [Field]) -> [Field; 5] {
    [
        needed("apiVersion", Name),
        needed("kind", Name),
        needed("metadata", Record(&METADATA)),
        needed("spec", Record(spec)),
        field("status", Dropped),
    ]
}

static APPLICATION: [Field; 5] = object(&APPLICATION_SPEC);
static STRATEGY: [Field; 5] = object(&STRATEGY_SPEC);
static CLUSTER: [Field; 5] = object(&CLUSTER_SPEC);
static BLOCK: [Field; 5] = object(&BLOCK_SPEC);

static METADATA: [Field; 14] = [
    needed("name", Name),
    field("namespace", Name),
    field("labels", TextMap),
    field("annotations", TextMap),
    field("uid", Dropped),
    field("resourceVersion", Dropped),
    field("generation", Dropped),
    field("creationTimestamp", Dropped),
    field("deletionTimestamp", Dropped),
    field("deletionGracePeriodSeconds", Dropped),
    field("managedFields", Dropped),
    field("selfLink", Dropped),
    field("ownerReferences", Dropped),
    field("finalizers", Dropped),
];

static APPLICATION_SPEC: [Field; 9] = [
    field("revisionHistoryLimit", History),
    needed("template", Record(&TEMPLATE)),
    field("rollout", Record(&ROLLOUT)),
    field("rollback", OneOf(&["atOnce", "steps"])),
    field("restart", Text),
    field("createNamespace", Bool),
    field("allowClusterScope", Bool),
    field("allowSecrets", Bool),
    field("traffic", OneOf(&["podLabels", "none"])),
];

static TEMPLATE: [Field; 7] = [
    field("chart", Record(&CHART)),
    field("manifests", Record(&[needed("path", Path)])),
    field("values", Values),
    field("overrides", List(&Record(&OVERRIDE), Allowed)),
    field("clusterRequirements", Record(&REQUIREMENTS)),
    field("strategy", Record(&STRATEGY_SPEC)),
    field("strategyRef", Label),
];

static CHART: [Field; 5] = [
    field("name", Name),
    field("version", Text),
    field("repoUrl", Url),
    field("path", Path),
    field("resolve", Text),
];

static OVERRIDE: [Field; 2] = [needed("clusters", Record(&SELECTOR)), field("values", Values)];

static SELECTOR: [Field; 3] = [
    field("names", List(&Name, Refused)),
    field("matchLabels", TextMap),
    field("regions", List(&Name, Refused)),
];

static REQUIREMENTS: [Field; 3] = [
    field("regions", List(&Record(&[needed("name", Name), field("replicas", Whole(0, U32))]), RefusedHere)),
    field("capabilities", List(&Name, Refused)),
    field("allowFewer", Bool),
];

static ROLLOUT: [Field; 6] = [
    field("release", Name),
    field("targetStep", Step),
    field("request", Text),
    field("paused", Bool),
    field("skipGates", Bool),
    field("adoptStrategy", Name),
];

static STRATEGY_SPEC: [Field; 7] = [
    field("surge", Surge),
    field("withdrawalSurge", Surge),
    field("settle", Duration(false)),
    field("progressDeadline", Duration(true)),
    field("onFailure", OneOf(&["hold", "rollback"])),
    field("maxFailedClusters", MaxFailed),
    needed("steps", List(&Record(&STEP), RefusedHere)),
];

static STEP: [Field; 5] = [
    needed("name", Name),
    field("clusters", Record(&SELECTOR)),
    field("capacity", Record(&[field("contender", Whole(0, 100)), field("incumbent", Whole(0, 100))])),
    field("traffic", Record(&[field("contender", Whole(0, U32)), field("incumbent", Whole(0, U32))])),
    field("gate", Record(&GATE)),
];

static GATE: [Field; 3] = [
    field("approval", OneOf(&["manual", "auto"])),
    field("soak", Duration(false)),
    field("analysis", List(&Record(&ANALYSIS), Refused)),
];

static ANALYSIS: [Field; 9] = [
    needed("name", Label),
    field(
        "prometheus",
        Record(&[needed("address", Url), needed("query", Name), field("auth", Record(&AUTH))]),
    ),
    field(
        "http",
        Record(&[
            needed("url", Url),
            field("status", List(&Whole(100, 599), Allowed)),
            field("auth", Record(&AUTH)),
        ]),
    ),
    field("job", Record(&[needed("spec", Values)])),
    field("failIf", Text),
    field("passIf", Text),
    field("interval", Duration(true)),
    field("count", Whole(1, 1000)),
    field("timeout", Duration(true)),
];

static AUTH: [Field; 1] = [needed("secretRef", Record(&[needed("name", Label)]))];

static CLUSTER_SPEC: [Field; 4] = [
    field("region", Name),
    field("capabilities", List(&Name, Refused)),
    field("apiMaster", Text),
    field(
        "scheduler",
        Record(&[
            field("unschedulable", Bool),
            field("drain", Bool),
            field("weight", Whole(0, U32)),
            field("identity", Text),
        ]),
    ),
];

static BLOCK_SPEC: [Field; 4] = [
    needed("message", Text),
    needed("author", Record(&[needed("type", Text), needed("name", Text)])),
    field("allow", List(&OneOf(&["abort", "pause", "rollback", "drain"]), Refused)),
    field(
        "schedule",
        Record(&[needed("cron", Name), needed("duration", Duration(true)), field("timeZone", Name)]),
    ),
];
