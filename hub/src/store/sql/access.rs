//! Who may read, the same for every database.

use super::super::access::{AccessChange, Person, ReadToken, Readers, Session};
use super::super::error::StoreError;
use super::read::{number, text, time};
use super::{Row, Sql, Statement, step, unexpected};
use crate::access::sight::Sight;
use jiff::Timestamp;

/// The version of who may read.
pub(in crate::store) async fn version(connection: &mut dyn Sql) -> Result<i64, StoreError> {
    let step = step("looking whether others may read now");
    let rows = connection.fetch(Statement::new("SELECT version FROM access")).await.map_err(&step)?;
    rows.into_iter().next().ok_or(sqlx::Error::RowNotFound).and_then(|mut row| number(&mut row)).map_err(step)
}

/// Everybody who may read. The version is read first: what changes meanwhile is read once more.
pub(in crate::store) async fn readers(connection: &mut dyn Sql) -> Result<Readers, StoreError> {
    let version = version(connection).await?;
    let step = step("reading who may read");
    let tokens =
        "SELECT hash, name, namespaces, created_at, expires_at, used_at FROM read_tokens ORDER BY name";
    let tokens = connection.fetch(Statement::new(tokens)).await.map_err(&step)?;
    let sessions = "SELECT hash, person, created_at, used_at, expires_at FROM sessions";
    let sessions = connection.fetch(Statement::new(sessions)).await.map_err(&step)?;
    Ok(Readers {
        version,
        tokens: tokens.into_iter().map(token).collect::<Result<_, _>>().map_err(&step)?,
        sessions: sessions.into_iter().map(session).collect::<Result<_, _>>().map_err(&step)?,
    })
}

/// Makes the changes, in their order; answers which of them changed something.
pub(in crate::store) async fn change(
    connection: &mut dyn Sql,
    changes: &[AccessChange],
) -> Result<Vec<bool>, StoreError> {
    let step = step("changing who may read");
    let mut changed = Vec::with_capacity(changes.len());
    let mut news = false;
    for change in changes {
        let mut rows = 0;
        for statement in statements(change).map_err(&step)? {
            rows += connection.execute(statement).await.map_err(&step)?;
        }
        news |= rows > 0 && change.is_news();
        changed.push(rows > 0);
    }
    if news {
        let raise = Statement::new("UPDATE access SET version = version + 1");
        connection.execute(raise).await.map_err(step)?;
    }
    Ok(changed)
}

fn statements(change: &AccessChange) -> Result<Vec<Statement<'static>>, sqlx::Error> {
    let milliseconds = Timestamp::as_millisecond;
    Ok(match change {
        AccessChange::AddToken(token) => {
            let insert = "INSERT INTO read_tokens (hash, name, namespaces, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING";
            vec![
                Statement::new(insert)
                    .bind(token.hash.to_string())
                    .bind(token.name.clone())
                    .bind(json(&token.sight)?)
                    .bind(milliseconds(token.created))
                    .bind(token.expires.map(milliseconds)),
            ]
        }
        AccessChange::RevokeToken(name) => {
            vec![Statement::new("DELETE FROM read_tokens WHERE name = $1").bind(name.clone())]
        }
        AccessChange::Begin(session) => {
            let insert = "INSERT INTO sessions (hash, person, created_at, used_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING";
            vec![
                Statement::new(insert)
                    .bind(session.hash.to_string())
                    .bind(json(&session.person)?)
                    .bind(milliseconds(session.created))
                    .bind(milliseconds(session.used))
                    .bind(milliseconds(session.expires)),
            ]
        }
        AccessChange::End(hash) => {
            vec![Statement::new("DELETE FROM sessions WHERE hash = $1").bind(hash.to_string())]
        }
        AccessChange::TokenUsed(hash, at) => {
            let update = "UPDATE read_tokens SET used_at = $1 WHERE hash = $2 AND COALESCE(used_at, 0) < $1";
            vec![Statement::new(update).bind(milliseconds(*at)).bind(hash.to_string())]
        }
        AccessChange::SessionUsed(hash, at) => {
            let update = "UPDATE sessions SET used_at = $1 WHERE hash = $2 AND used_at < $1";
            vec![Statement::new(update).bind(milliseconds(*at)).bind(hash.to_string())]
        }
        AccessChange::Spend(hash, until) => {
            let insert =
                "INSERT INTO logins (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
            vec![Statement::new(insert).bind(hash.to_string()).bind(milliseconds(*until))]
        }
        AccessChange::Prune(now) => {
            let old = |table: &str| {
                Statement::new(format!("DELETE FROM {table} WHERE expires_at < $1")).bind(milliseconds(*now))
            };
            vec![old("sessions"), old("logins")]
        }
    })
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn token(mut row: Row) -> Result<ReadToken, sqlx::Error> {
    let row = &mut row;
    let hash = text(row)?.parse().map_err(|_| unexpected("a digest"))?;
    let (name, sight): (_, Sight) = (text(row)?, read(&text(row)?)?);
    Ok(ReadToken {
        hash,
        name,
        sight,
        created: time(number(row)?),
        expires: row.number()?.map(time),
        used: row.number()?.map(time),
    })
}

fn session(mut row: Row) -> Result<Session, sqlx::Error> {
    let row = &mut row;
    let hash = text(row)?.parse().map_err(|_| unexpected("a digest"))?;
    let person: Person = read(&text(row)?)?;
    Ok(Session {
        hash,
        person,
        created: time(number(row)?),
        used: time(number(row)?),
        expires: time(number(row)?),
    })
}
