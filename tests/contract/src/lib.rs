//! Holds real requests and answers against the OpenAPI document that describes them: path, method, parameters, bodies, status, headers,
//! kind of content, and the events of streams.
//!
//! The document leaves room for fields to come, as readers of the API must. Here it is taken by the word: a field that it does not name is
//! a fault ([`strict`]).

mod events;
mod operation;
pub mod strict;

use http::HeaderMap;
use jsonschema::{Draft, Validator};
use operation::Operation;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// A request and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Body of the request.
    pub request: &'a [u8],
    /// Status of the answer.
    pub status: u16,
    /// Headers of the answer.
    pub headers: &'a HeaderMap,
    /// Body of the answer; of a stream what came of it.
    pub body: &'a [u8],
}

/// Which answer of the document an exchange was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// `operationId`.
    pub operation: String,
    /// Status, as the document has it: three digits or `default`.
    pub status: String,
    /// Kind of content; empty where there is none.
    pub kind: String,
}

/// The document, taken by the word.
#[derive(Debug)]
pub struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// That of a document.
    pub fn new(document: &Value) -> Self {
        Self { document: strict::strict(document), validators: Mutex::default() }
    }

    /// Every answer that the document describes, but for mistakes of the hub.
    pub fn answers(&self) -> BTreeSet<Seen> {
        let mut answers = BTreeSet::new();
        for operation in self.operations() {
            for (status, answer) in operation.answers().filter(|(status, _)| *status != "default") {
                let kinds = self.resolve(answer).get("content").and_then(Value::as_object);
                let seen = |kind: &str| Seen {
                    operation: operation.id.to_owned(),
                    status: status.to_owned(),
                    kind: kind.to_owned(),
                };
                match kinds {
                    Some(kinds) => answers.extend(kinds.keys().map(|kind| seen(kind))),
                    None => drop(answers.insert(seen(""))),
                }
            }
        }
        answers
    }

    /// Every path that the document describes, with its methods in capitals.
    pub fn paths(&self) -> BTreeSet<(String, String)> {
        self.operations()
            .map(|operation| (operation.path.to_owned(), operation.method.to_uppercase()))
            .collect()
    }

    /// Holds an exchange against the document; `None` = of something that is not the document's, such as a page for people.
    ///
    /// # Errors
    /// With everything that is not as the document says.
    pub fn check(&self, exchange: Exchange<'_>) -> Result<Option<Seen>, String> {
        let (path, query) = exchange.target.split_once('?').unwrap_or((exchange.target, ""));
        let what = format!("{} {} was answered {}", exchange.method, exchange.target, exchange.status);
        let Some(operation) =
            self.operations().filter(|one| one.is_at(exchange.method, path)).min_by_key(Operation::names)
        else {
            let refused = matches!(exchange.status, 404 | 405);
            if path.starts_with("/api/") && !refused {
                return Err(format!("{what}, and the document knows nothing of that"));
            }
            return Ok(None);
        };
        let mut faults = Vec::new();
        let status = exchange.status.to_string();
        let found = operation.answer(&status).map(|answer| (status.as_str(), answer));
        let Some((status, answer)) = found.or_else(|| Some(("default", operation.answer("default")?))) else {
            return Err(format!("{what}, which {} does not say", operation.id));
        };
        let answer = self.resolve(answer);
        let kind = self.body(answer, exchange, &mut faults);
        // Headers are said of an answer, whatever its kind of content, and a stream has no mark.
        if kind != events::KIND {
            self.headers(answer, exchange.headers, &mut faults);
        }
        if exchange.status < 400 {
            self.parameters(&operation, path, query, &mut faults);
            self.request(&operation, exchange.request, &mut faults);
        }
        if faults.is_empty() {
            return Ok(Some(Seen { operation: operation.id.to_owned(), status: status.to_owned(), kind }));
        }
        let body = String::from_utf8_lossy(exchange.body);
        Err(format!("{what} otherwise than {} says:\n- {}\n{body}", operation.id, faults.join("\n- ")))
    }

    /// Holds the examples of the document against their schemas, and names what has none.
    ///
    /// # Errors
    /// With every fault.
    pub fn examples(&self) -> Result<BTreeSet<String>, String> {
        let (mut without, mut faults) = (BTreeSet::new(), Vec::new());
        let mut look = |whose: String, body: &Value| {
            for (kind, content) in body.get("content").and_then(Value::as_object).into_iter().flatten() {
                let (Some(schema), Some(example)) = (content.get("schema"), content.get("example")) else {
                    without.insert(format!("{whose} {kind}"));
                    continue;
                };
                let mut found = Vec::new();
                match example {
                    Value::String(stream) if kind == events::KIND => {
                        self.events(schema, stream.as_bytes(), &mut found);
                    }
                    example => self.value(schema, example, &mut found),
                }
                faults.extend(found.into_iter().map(|fault| format!("{whose}: {fault}")));
            }
        };
        for operation in self.operations() {
            if let Some(request) = operation.operation.get("requestBody") {
                look(format!("{} request", operation.id), request);
            }
            for (status, answer) in operation.answers().filter(|(_, answer)| answer.get("$ref").is_none()) {
                look(format!("{} {status}", operation.id), answer);
            }
        }
        for (name, answer) in object(&self.document, "/components/responses") {
            look(name.clone(), answer);
        }
        if faults.is_empty() { Ok(without) } else { Err(faults.join("\n")) }
    }

    fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        object(&self.document, "/paths").flat_map(|(path, item)| Operation::all(path, item))
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        target.and_then(|path| self.document.pointer(path)).unwrap_or(value)
    }

    fn headers(&self, answer: &Value, headers: &HeaderMap, faults: &mut Vec<String>) {
        for (name, header) in answer.get("headers").and_then(Value::as_object).into_iter().flatten() {
            match headers.get(name).map(|value| value.to_str()) {
                Some(Ok(value)) => self.text(name, header, value, faults),
                Some(Err(error)) => faults.push(format!("header {name}: {error}")),
                None => faults.push(format!("header {name} is not there")),
            }
        }
    }

    fn body(&self, answer: &Value, exchange: Exchange<'_>, faults: &mut Vec<String>) -> String {
        let kind = exchange
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
        let Some(contents) = answer.get("content").and_then(Value::as_object) else {
            if !exchange.body.is_empty() {
                faults.push("there is a body".to_owned());
            }
            return String::new();
        };
        // `HEAD` is answered as `GET` is, without the body.
        if exchange.method == "HEAD" {
            return kind;
        }
        match contents.get(&kind).and_then(|content| content.get("schema")) {
            Some(schema) if kind == events::KIND => self.events(schema, exchange.body, faults),
            Some(schema) if kind.ends_with("json") => match serde_json::from_slice(exchange.body) {
                Ok(value) => self.value(schema, &value, faults),
                Err(error) => faults.push(format!("the body is no JSON: {error}")),
            },
            Some(schema) => match std::str::from_utf8(exchange.body) {
                Ok(text) => self.value(schema, &text.into(), faults),
                Err(error) => faults.push(format!("the body is no text: {error}")),
            },
            None => faults.push(format!("the kind of content is {kind:?}")),
        }
        kind
    }

    fn events(&self, schema: &Value, body: &[u8], faults: &mut Vec<String>) {
        let event = self.resolve(schema).get("x-event").cloned().unwrap_or_default();
        for found in events::read(&String::from_utf8_lossy(body)) {
            if event.get("name").and_then(Value::as_str) != Some(&found.name) {
                faults.push(format!("an event is called {:?}", found.name));
                continue;
            }
            match serde_json::from_str(&found.data) {
                Ok(data) => self.value(event.get("data").unwrap_or(&Value::Null), &data, faults),
                Err(error) => faults.push(format!("the data of an event is no JSON: {error}")),
            }
        }
    }

    fn parameters(&self, operation: &Operation<'_>, path: &str, query: &str, faults: &mut Vec<String>) {
        let given = operation.parts(path).map(|(name, value)| ("path", name.into(), value.to_owned()));
        let asked =
            form_urlencoded::parse(query.as_bytes()).map(|(name, value)| ("query", name, value.into_owned()));
        for (place, name, value) in given.chain(asked) {
            match operation.parameter(place, &name) {
                Some(parameter) => self.text(&name, parameter, &value, faults),
                None => faults.push(format!("{name} is asked for in the {place}")),
            }
        }
    }

    fn request(&self, operation: &Operation<'_>, body: &[u8], faults: &mut Vec<String>) {
        let Some(request) = operation.operation.get("requestBody") else { return };
        // What is not JSON is described in words.
        let Ok(value) = serde_json::from_slice(body) else { return };
        if let Some(schema) = request.pointer("/content/application~1json/schema") {
            let mut found = Vec::new();
            self.value(schema, &value, &mut found);
            faults.extend(found.into_iter().map(|fault| format!("the request: {fault}")));
        }
    }

    /// A value that is written as text: of a header, of a path, of a query.
    fn text(&self, name: &str, described: &Value, text: &str, faults: &mut Vec<String>) {
        let Some(schema) = described.get("schema") else { return };
        // Of what may be given several times, each is looked at by itself.
        let schema = schema.get("items").unwrap_or(schema);
        let value = match schema.get("type").and_then(Value::as_str) {
            Some("integer" | "number" | "boolean") => {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            _ => text.into(),
        };
        let mut found = Vec::new();
        self.value(schema, &value, &mut found);
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }

    fn value(&self, schema: &Value, value: &Value, faults: &mut Vec<String>) {
        match self.validator(schema) {
            Ok(validator) => {
                faults.extend(
                    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())),
                );
            }
            Err(error) => faults.push(format!("the schema {schema} is none: {error}")),
        }
    }

    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(&key) {
            return Ok(known.clone());
        }
        let mut root = schema.as_object().cloned().unwrap_or_default();
        root.insert("components".to_owned(), self.document.get("components").cloned().unwrap_or_default());
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let made = options.build(&Value::Object(root)).map_err(|error| error.to_string())?;
        let made = Arc::new(made);
        validators.insert(key, made.clone());
        Ok(made)
    }
}

/// The entries of the object there.
fn object<'a>(document: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    document.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
