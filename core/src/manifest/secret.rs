//! Secrets as the API server keeps them. It moves `stringData` into `data` after it has noted who applied what, so that an applied `stringData`
//! is ours for ever, whoever changes the values [C7].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Moves the `stringData` of a Secret into its `data`. What is no text is left for the API server to refuse.
pub(super) fn stored(object: &mut Value) {
    if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
        return;
    }
    let Some(fields) = object.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.get("stringData") else { return };
    let encoded: Option<Map<String, Value>> = texts
        .iter()
        .map(|(key, text)| Some((key.clone(), Value::from(STANDARD.encode(text.as_str()?)))))
        .collect();
    let Some(encoded) = encoded else { return };
    fields.remove("stringData");
    match fields.get_mut("data") {
        Some(Value::Object(data)) => data.extend(encoded),
        _ if encoded.is_empty() => {}
        _ => _ = fields.insert("data".to_owned(), Value::Object(encoded)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_where_the_api_server_keeps_them() {
        for (given, kept) in [
            (
                json!({"data": {"a": "YQ=="}, "stringData": {"token": "one"}}),
                json!({"data": {"a": "YQ==", "token": "b25l"}}),
            ),
            (json!({"data": {"a": "YQ=="}, "stringData": {"a": "one"}}), json!({"data": {"a": "b25l"}})),
            (json!({"data": null, "stringData": {"a": "one"}}), json!({"data": {"a": "b25l"}})),
            (json!({"stringData": {}}), json!({})),
            (json!({"stringData": null}), json!({"stringData": null})),
            (json!({"stringData": {"a": "one", "b": 2}}), json!({"stringData": {"a": "one", "b": 2}})),
        ] {
            let whole = |mut fields: Value, kind: &str| {
                (fields["apiVersion"], fields["kind"]) = (json!("v1"), json!(kind));
                fields
            };
            let mut secret = whole(given.clone(), "Secret");
            stored(&mut secret);
            assert_eq!(secret, whole(kept, "Secret"));
            let mut other = whole(given.clone(), "ConfigMap");
            stored(&mut other);
            assert_eq!(other, whole(given, "ConfigMap"));
        }
    }
}
