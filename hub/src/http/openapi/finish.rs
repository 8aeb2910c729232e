//! The last touches: words for readers of Rust become words for everybody, what may be absent is never null, every operation has its
//! examples.

use serde_json::{Map, Value, json};
use shipper_core::catalogue::{self, Group, Refusal};
use shipper_core::why::Rule;
use utoipa::openapi::OpenApi;

/// Real answers by operation, status and kind of content, recorded by the contract tests.
const EXAMPLES: &str = include_str!("examples.json");

/// The document as it is served.
pub(super) fn finish(document: OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    walk(&mut document, &mut |object| {
        speak(object);
        never_null(object);
        lift(object);
    });
    refer(&mut document);
    explain(&mut document);
    exemplify(&mut document);
    document
}

/// Calls `change` for every object, the outer ones first.
fn walk(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| walk(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| walk(value, change)),
        _ => {}
    }
}

/// Docstrings say more than a reader of the API needs: which errors there are is said by the answers, and labels of rules lead nowhere.
fn speak(object: &mut Map<String, Value>) {
    for word in ["summary", "description"] {
        let Some(Value::String(text)) = object.get_mut(word) else { continue };
        let said = text.split("# Errors").next().unwrap_or_default();
        *text = plain(said).trim().replace("[`", "`").replace("`]", "`");
        if text.is_empty() {
            object.remove(word);
        }
    }
}

/// Leaves out labels of rules, such as ` [A1, X5]`.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find(" [") {
        let (before, from) = rest.split_at(begin);
        plain.push_str(before);
        let label = from.get(2..).and_then(|label| label.split_once(']'));
        match label.filter(|(label, _)| is_label(label)) {
            Some((_, behind)) => rest = behind,
            None => {
                plain.push_str(" [");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    plain + rest
}

fn is_label(text: &str) -> bool {
    let rule = |rule: &str| {
        let digits = rule.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    text.split(", ").all(rule)
}

/// What need not be there is left out where there is nothing to say, so that it is never null.
fn never_null(object: &mut Map<String, Value>) {
    let required: Vec<Value> = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    for (_, property) in
        properties.iter_mut().filter(|(name, _)| !required.contains(&Value::from(name.as_str())))
    {
        let Value::Object(schema) = property else { continue };
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(either)) = schema.get_mut("oneOf") {
            either.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
            // `$ref` and a description may stand beside each other.
            if let [Value::Object(only)] = either.as_slice() {
                let only = only.clone();
                schema.remove("oneOf");
                for (key, value) in only {
                    schema.entry(key).or_insert(value);
                }
            }
        }
    }
}

/// A parameter whose schema is made by a function is described by that.
fn lift(object: &mut Map<String, Value>) {
    if !object.contains_key("in") || object.contains_key("description") {
        return;
    }
    let schema = object.get_mut("schema").and_then(Value::as_object_mut);
    if let Some(description) = schema.and_then(|schema| schema.remove("description")) {
        object.insert("description".to_owned(), description);
    }
}

/// What is spelt out once more within another schema is referred to instead.
fn refer(document: &mut Value) {
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return };
    let known: Vec<(String, Value)> =
        schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    for schema in schemas.values_mut().filter_map(Value::as_object_mut) {
        schema.values_mut().for_each(|part| replace(part, &known));
    }
}

fn replace(value: &mut Value, known: &[(String, Value)]) {
    if value.is_object()
        && let Some((name, _)) = known.iter().find(|(_, schema)| schema == value)
    {
        *value = json!({"$ref": format!("#/components/schemas/{name}")});
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(|part| replace(part, known)),
        Value::Array(items) => items.iter_mut().for_each(|part| replace(part, known)),
        _ => {}
    }
}

/// Says of every word of an enumeration what the code says of it.
fn explain(document: &mut Value) {
    let entries = catalogue::entries();
    let of = |group: Group| {
        entries
            .iter()
            .filter(move |entry| entry.group == group)
            .map(|entry| (entry.name.to_owned(), entry.meaning))
    };
    let rules = Rule::ALL.iter().map(|rule| (rule.to_string(), rule.title()));
    tell(document, "Reason", of(Group::Condition));
    tell(document, "WaitingFor", of(Group::Waiting));
    tell(document, "Trouble", of(Group::Object));
    let refusals = Refusal::ALL.iter().filter_map(|refusal| refusal.entry());
    tell(document, "RefusalReason", refusals.map(|entry| (entry.name.to_owned(), entry.meaning)));
    tell(document, "Rule", rules);
}

fn tell(document: &mut Value, schema: &str, words: impl Iterator<Item = (String, &'static str)>) {
    let place = format!("/components/schemas/{schema}/description");
    let Some(Value::String(text)) = document.pointer_mut(&place) else { return };
    text.push('\n');
    for (word, meaning) in words {
        text.push_str(&format!("\n- `{word}`: {meaning}"));
    }
}

/// Puts the examples where their answers are described: those of operations by their id, those of refusals by their name.
fn exemplify(document: &mut Value) {
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let operations =
        document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        let Some(of) = examples.get(id) else { continue };
        if let Some(body) = operation.get_mut("requestBody") {
            show(body, |_| of.get("request"));
        }
        let answers = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
        for (_, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
            show(answer, |kind| of.get(kind));
        }
    }
    let refusals =
        document.pointer_mut("/components/responses").and_then(Value::as_object_mut).into_iter().flatten();
    for (name, refusal) in refusals {
        show(refusal, |kind| examples.get(name)?.get(kind));
    }
}

fn show<'e>(body: &mut Value, of: impl Fn(&str) -> Option<&'e Value>) {
    let contents = body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten();
    for (kind, content) in contents.filter_map(|(kind, content)| Some((kind, content.as_object_mut()?))) {
        if let Some(example) = of(kind) {
            content.insert("example".to_owned(), example.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_rules_are_left_out_and_other_brackets_are_not() {
        let said = "What is free [S1]: `[a]`, [X2, A14] and [this](there).\n\n# Errors\n400.";
        let mut object = Map::from_iter([("description".to_owned(), Value::from(said))]);
        speak(&mut object);
        assert_eq!(object["description"], "What is free: `[a]`, and [this](there).");
    }
}
