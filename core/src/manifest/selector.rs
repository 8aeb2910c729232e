//! Kubernetes' LabelSelector and the plain selector of Services, matched against labels.

use serde_json::{Map, Value};

/// Whether a LabelSelector (`matchLabels`, `matchExpressions`) selects `labels`. An empty or absent one selects everything.
pub(super) fn matches(selector: Option<&Value>, labels: &Map<String, Value>) -> bool {
    let Some(selector) = selector else { return true };
    let match_labels = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    match_labels.is_none_or(|wanted| is_subset(wanted, labels))
        && expressions.is_none_or(|all| all.iter().all(|expression| holds(expression, labels)))
}

/// Whether `labels` has every label of `wanted`, as the selector of a Service asks.
pub(super) fn is_subset(wanted: &Map<String, Value>, labels: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

fn holds(expression: &Value, labels: &Map<String, Value>) -> bool {
    let text = |field: &str| expression.get(field).and_then(Value::as_str).unwrap_or_default();
    let label = labels.get(text("key"));
    let listed = || {
        let values = expression.get("values").and_then(Value::as_array);
        label.is_some_and(|label| values.is_some_and(|values| values.contains(label)))
    };
    match text("operator") {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expressions_follow_kubernetes() {
        let labels = json!({"app": "web", "tier": "edge"});
        let labels = labels.as_object().unwrap();
        let one = |operator: &str, key: &str, values: &[&str]| {
            let selector =
                json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
            matches(Some(&selector), labels)
        };
        assert!(one("In", "app", &["api", "web"]));
        assert!(!one("In", "app", &["api"]));
        assert!(!one("NotIn", "app", &["web"]));
        assert!(one("NotIn", "zone", &["a"]), "an absent label is not in any set");
        assert!(one("Exists", "tier", &[]) && !one("Exists", "zone", &[]));
        assert!(one("DoesNotExist", "zone", &[]) && !one("DoesNotExist", "tier", &[]));
        assert!(matches(Some(&json!({})), labels) && matches(None, labels));
        assert!(!matches(Some(&json!({"matchLabels": {"app": "api"}})), labels));
    }
}
