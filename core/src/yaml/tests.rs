use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn one(text: &str) -> Value {
    let mut documents = read_documents(text.as_bytes()).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

/// What `kubectl label --local -o json` prints for the same input.
#[test]
fn scalars_are_those_of_kubectl() {
    for (yaml, expected) in [
        ("yes", json!(true)),
        ("on", json!(true)),
        ("y", json!(true)),
        ("Off", json!(false)),
        ("0755", json!(493)),
        ("0o17", json!(15)),
        ("1_000", json!(1000)),
        ("0x1F", json!(31)),
        ("1e3", json!(1000)),
        ("2.0", json!(2)),
        ("-0.0", json!(0)),
        ("2.5", json!(2.5)),
        ("~", json!(null)),
        ("", json!(null)),
        ("2026-11-22", json!("2026-11-22")),
        ("12:30:45", json!("12:30:45")),
        ("1.2.3", json!("1.2.3")),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("-9223372036854775808", json!(-9_223_372_036_854_775_808_i64)),
        ("0b101", json!(5)),
        ("08", json!(8)),
        ("+1", json!(1)),
        ("1e400x", json!("1e400x")),
        ("\"0755\"", json!("0755")),
        ("!!str 1", json!("1")),
    ] {
        assert_eq!(one(&format!("a: {yaml}\n")), json!({"a": expected}), "{yaml}");
    }
}

/// Where it differs from `kubectl`: nothing that people write, or refused where `kubectl` guesses (docs/adr/0001-yaml.md).
#[test]
fn scalars_that_kubectl_reads_otherwise() {
    for (yaml, expected) in [("tRue", json!(true)), ("1_", json!("1_")), ("1_0.5", json!("1_0.5"))] {
        assert_eq!(one(&format!("a: {yaml}\n")), json!({"a": expected}), "{yaml}");
    }
    assert_eq!(one("on: [x]\n"), json!({"on": ["x"]}));
    assert!(read_documents(b"sha: 1234e567\n").is_err());
    assert!(read_documents(b"a: 1\na: 2\n").is_err());
}

/// Where a reader of YAML 1.1 or 1.2 may see something else than text.
const TREACHEROUS: &[&str] = &[
    "",
    " ",
    "yes",
    "No",
    "on",
    "y",
    "n",
    "true",
    "null",
    "~",
    "Null",
    "0755",
    "0o17",
    "1e3",
    "1_000",
    "0x1F",
    "+1",
    "-",
    "-1",
    ".5",
    ".inf",
    "-.INF",
    ".nan",
    "1234e567",
    "12:30:45",
    "2026-11-22",
    "2026-11-22T10:00:00Z",
    "=",
    "<<",
    "!tag",
    "&anchor",
    "*alias",
    "%directive",
    "@at",
    "`tick",
    "a: b",
    "a:",
    ":a",
    "a #b",
    "#a",
    "- a",
    "-",
    "---",
    "...",
    "--- a",
    "? a",
    "|",
    ">",
    "[a",
    "{a",
    "a,b",
    "]",
    "'",
    "\"",
    "\\",
    "a\tb",
    "\t",
    " leading",
    "trailing ",
    "\nleading",
    "trailing\n",
    "trailing\n\n",
    "two\nlines",
    "two\n\nlines\n",
    " indented\nfirst",
    "  a\n b\nc",
    "a\n  b\n",
    "cr\r",
    "crlf\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}bom",
    "\u{7f}",
    "\u{1}",
    "\u{1b}[31m",
    "ünïcödé",
    "日本語",
    "🚢",
    "é\u{301}",
    "a\n\tb",
    "\n",
    "\n\n",
    " \n ",
    "a \nb",
    "a\n#b\n",
    "a\n---\nb",
    "a\n...\n",
];

#[test]
fn every_treacherous_string_comes_back() {
    for text in TREACHEROUS {
        let long = format!("{text} {}", "word ".repeat(40));
        for text in [text, long.as_str()] {
            let value = json!({"key": text, "list": [text, [text], {"a": text}], "map": {text: {text: "x"}}});
            let written = write_documents(&[value.clone(), json!({"next": 1})]).unwrap();
            let read = read_documents(&written);
            assert_eq!(read, Ok(vec![value, json!({"next": 1})]), "{}", String::from_utf8_lossy(&written));
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        "[ \n\ta:#'\"|>-]{0,10}",
        "[0-9+._eExo:-]{1,8}",
        proptest::sample::select(TREACHEROUS).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        (-1000.0..1000f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What reading makes of numbers: whole floats are integers.
fn normalised(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float)
                if number.is_f64() && float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 =>
            {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(normalised).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, normalised(value))).collect(),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_comes_back(documents in proptest::collection::vec(value(), 1..4)) {
        let written = write_documents(&documents).unwrap();
        let expected: Vec<Value> = documents.into_iter().filter(|value| !value.is_null()).map(normalised).collect();
        prop_assert_eq!(read_documents(&written), Ok(expected), "{}", String::from_utf8_lossy(&written));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_documents(&bytes);
    }

    #[test]
    fn any_text_of_yaml_signs_is_read_or_refused(text in "[a-c0-2:\\-?\\[\\]{},&*#!|>'\" \\n%@`~<\\t]{0,80}") {
        let _ = read_documents(text.as_bytes());
    }
}

/// The parser of `kubectl` and Flux takes a leading tab in a literal block for indentation.
#[test]
fn text_that_begins_with_a_tab_is_quoted() {
    let written = write_documents(&[json!({"a": "\tone\ntwo\n", "b": "one\n\ttwo\n"})]).unwrap();
    insta::assert_snapshot!(String::from_utf8(written).unwrap(), @r#"
    a: "\tone\ntwo\n"
    b: |
      one
      	two
    "#);
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Sample {
    zulu: u32,
    alpha: Option<String>,
    map: std::collections::BTreeMap<String, String>,
}

fn sample() -> Sample {
    let map = [("b", "two\nlines\n"), ("a", "yes")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    Sample { zulu: 7, alpha: None, map: map.into() }
}

#[test]
fn objects_are_written_in_the_order_of_their_fields() {
    let written = write_object("Sample", &sample()).unwrap();
    insta::assert_snapshot!(String::from_utf8(written.clone()).unwrap(), @r#"
    apiVersion: shipper.dev/v1alpha1
    kind: Sample
    zulu: 7
    alpha: null
    map:
      a: "yes"
      b: |
        two
        lines
    "#);
    assert_eq!(read_object::<Sample>("Sample", &written), Ok(sample()));
}

#[test]
fn an_object_of_a_newer_version_is_read_and_another_kind_refused() {
    let newer = "apiVersion: shipper.dev/v1alpha1\nkind: Sample\nzulu: 7\nmap: {}\nlater: {a: [1]}\n";
    assert_eq!(read_object::<Sample>("Sample", newer.as_bytes()).map(|sample| sample.zulu), Ok(7));
    let refusal =
        |kind: &str, text: &str| read_object::<Sample>(kind, text.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!(refusal("Target", newer), @"expected shipper.dev/v1alpha1 Target, found shipper.dev/v1alpha1 Sample");
    insta::assert_snapshot!(refusal("Sample", "zulu: 7\n"), @"expected shipper.dev/v1alpha1 Sample, found nothing nothing");
    insta::assert_snapshot!(refusal("Sample", ""), @"expected one YAML document, found 0");
    insta::assert_snapshot!(refusal("Sample", &format!("{newer}---\n{newer}")), @"expected one YAML document, found 2");
    insta::assert_snapshot!(
        refusal("Sample", "apiVersion: shipper.dev/v1alpha1\nkind: Sample\nzulu: many\n"),
        @r#"not a valid Sample: invalid type: string "many", expected u32"#
    );
}

#[test]
fn streams_skip_empty_documents_and_know_marks_and_line_ends() {
    assert_eq!(read_documents(b""), Ok(vec![]));
    assert_eq!(read_documents(b"# nothing\n---\n---\na: 1\n---\n# again\n...\n"), Ok(vec![json!({"a": 1})]));
    assert_eq!(
        read_documents("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n".as_bytes()),
        Ok(vec![json!({"a": 1, "b": "x\ny\n"})])
    );
}

#[test]
fn anchors_aliases_and_merge_keys_are_expanded() {
    let yaml = "base: &base {a: 1, b: 2}\nuse: {<<: *base, b: 3}\nlist: [*base]\n";
    assert_eq!(
        one(yaml),
        json!({"base": {"a": 1, "b": 2}, "use": {"a": 1, "b": 3}, "list": [{"a": 1, "b": 2}]})
    );
}

#[test]
fn keys_are_text() {
    assert_eq!(one("1: a\non: b\ntrue: c\n"), json!({"1": "a", "on": "b", "true": "c"}));
}

fn refusal(bytes: &[u8]) -> String {
    read_documents(bytes).unwrap_err().to_string()
}

/// What [I2] says of any YAML.
#[test]
fn refusals_say_where_and_why() {
    insta::assert_snapshot!(refusal(b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"), @r#"line 5, column 3: duplicate key "c", first given on line 3; keep one"#);
    insta::assert_snapshot!(refusal(b"1: a\n\"1\": b\n"), @r#"line 2, column 1: duplicate key "1", first given on line 1; keep one"#);
    insta::assert_snapshot!(refusal(b"a: 1\nb: \0\n"), @"line 2, column 4: a NUL byte; this is a binary file, or UTF-16");
    insta::assert_snapshot!(refusal(b"a: 1\nb: x\xff\n"), @"line 2, column 5: not UTF-8; save it as UTF-8");
    insta::assert_snapshot!(refusal(b"\xff\xfea\0"), @"line 1, column 4: a NUL byte; this is a binary file, or UTF-16");
    insta::assert_snapshot!(refusal(b"a: 1\nb: [1, 2\nc: 3\n"), @"line 3, column 2: illegal placement of ':' indicator");
    insta::assert_snapshot!(refusal(b"a: 1\n\tb: 2\n"), @"line 1, column 4: while scanning a plain scalar, found a tab");
    insta::assert_snapshot!(refusal(b"a: b: c\n"), @"line 1, column 5: mapping values are not allowed in this context");
    insta::assert_snapshot!(refusal(b"a: *nowhere\n"), @"line 1, column 4: alias references unknown anchor");
    insta::assert_snapshot!(refusal(b"a: &a [*a]\n"), @"line 1, column 8: an alias that contains itself");
    insta::assert_snapshot!(refusal(b"a: .nan\n"), @"line 1, column 4: .nan is not a finite number; put it in quotes if it is text");
    insta::assert_snapshot!(refusal(b"sha: 1234e567\n"), @"line 1, column 6: 1234e567 is not a finite number; put it in quotes if it is text");
    insta::assert_snapshot!(refusal(b"{[1]: 2}\n"), @"line 1, column 2: a key must be text");
    insta::assert_snapshot!(refusal(format!("{}{}", "[".repeat(65), "]".repeat(65)).as_bytes()), @"line 1, column 65: nested deeper than 64 levels");
    insta::assert_snapshot!(refusal("- ".repeat(65).as_bytes()), @"line 1, column 129: nested deeper than 64 levels");
    insta::assert_snapshot!(refusal(&b"---\na\n".repeat(10_001)), @"line 20001, column 1: more than 10000 documents");
    insta::assert_snapshot!(refusal(&vec![b' '; MAX_STREAM_BYTES + 1]), @"33554433 bytes are more than the 33554432 that are read; split it");
}

#[test]
fn the_deepest_nesting_is_read() {
    let text = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(read_documents(text.as_bytes()).map(|documents| documents.len()), Ok(1));
}

#[test]
fn an_alias_bomb_is_refused_before_it_expands() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, before) in ('b'..='i').zip('a'..='h') {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(",")));
    }
    insta::assert_snapshot!(refusal(bomb.as_bytes()), @"line 5, column 29: aliases that expand to more than 100000 nodes");
}

#[test]
fn an_anchor_may_be_used_often() {
    let text = format!("a: &a {{b: 1}}\nlist: [{}]\n", vec!["*a"; 500].join(", "));
    assert_eq!(one(&text)["list"].as_array().map(Vec::len), Some(500));
}

#[test]
fn every_node_knows_its_place() {
    let trees = read_trees("a:\n  - é: &x [1, {b: c}]\n  - *x\n".as_bytes()).unwrap();
    let first = &trees[0].get("a").unwrap().items()[0].entries()[0];
    assert_eq!(
        (first.key_at, first.value.at),
        (Position { line: 2, column: 5 }, Position { line: 2, column: 11 })
    );
    let inner = &first.value.items()[1].entries()[0];
    assert_eq!((inner.key_at.column, inner.value.at.column), (16, 19));
    assert_eq!(trees[0].get("a").unwrap().items()[1].at, Position { line: 3, column: 5 });
}
