//! When a block with a schedule is in force [B1]: from every beginning that the cron expression names, for the duration.
//!
//! The expression speaks of local time. A beginning that clocks skip happens at the moment they spring forward; one that they show
//! twice happens twice: somebody who reads the clock finds what the schedule says. The duration is time that passes, whatever clocks
//! show. Time zones come with the program, so that every hub decides the same.

use super::strategy::duration;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase, TimeZoneTransition};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Longest duration: a block that is to last longer needs no schedule.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// Periods that follow each other without a gap are told as one, up to so many.
const CHAIN: usize = 1000;
/// Changes of a zone's offset that a search for the next beginning passes: fifty years with summer time.
const TRANSITIONS: usize = 100;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Why a schedule is refused; each names one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// `cron` cannot be read.
    #[error("expected the five fields minute, hour, day, month, weekday, as in 0 18 * * FRI; {0}")]
    Cron(String),
    /// `cron` names a time that never is.
    #[error("{0:?} never happens; does the month have that day?")]
    Never(String),
    /// `duration` is none, or too long.
    #[error("{0}")]
    Duration(String),
    /// `timeZone` is not known.
    #[error("{0:?} is not a time zone of the IANA database, as Europe/Amsterdam or UTC")]
    TimeZone(String),
}

impl ScheduleError {
    /// The field concerned.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Cron(_) | Self::Never(_) => "cron",
            Self::Duration(_) => "duration",
            Self::TimeZone(_) => "timeZone",
        }
    }
}

/// When a block is in force: what was written, and what it means.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Schedule {
    written: Written,
    cron: Box<Cron>,
    duration: SignedDuration,
    zone: TimeZone,
}

/// When a block with a schedule is in force: from every beginning that `cron` names, for the duration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Written {
    /// The beginning: the five fields minute, hour, day, month, weekday, as in `0 18 * * FRI`.
    cron: String,
    /// How long: `10m`, `62h`.
    duration: String,
    /// IANA time zone that `cron` speaks of; absent = UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
}

/// A time during which a schedule blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Schedule {
    /// Reads the fields.
    ///
    /// # Errors
    /// One of them means nothing.
    pub fn new(cron: &str, duration: &str, time_zone: Option<&str>) -> Result<Self, ScheduleError> {
        let written = Written {
            cron: cron.to_owned(),
            duration: duration.to_owned(),
            time_zone: time_zone.map(str::to_owned),
        };
        Ok(Self {
            written,
            cron: Box::new(read_cron(cron)?),
            duration: read_duration(duration)?,
            zone: read_zone(time_zone)?,
        })
    }

    /// Everything that is wrong with the fields.
    pub fn errors(cron: &str, duration: &str, time_zone: Option<&str>) -> Vec<ScheduleError> {
        let errors = [read_cron(cron).err(), read_duration(duration).err(), read_zone(time_zone).err()];
        errors.into_iter().flatten().collect()
    }

    /// Cron expression of the beginning, as written.
    pub fn cron(&self) -> &str {
        &self.written.cron
    }

    /// How long, as written: `10m` or `62h`.
    pub fn duration(&self) -> &str {
        &self.written.duration
    }

    /// IANA time zone.
    pub fn time_zone(&self) -> &str {
        self.written.time_zone.as_deref().unwrap_or("UTC")
    }

    /// The time during which it blocks, if `now` is within it. Times that touch or overlap are one.
    pub fn period(&self, now: Timestamp) -> Option<Period> {
        let begin = self.last(now, self.before(now))?;
        let mut newest = begin;
        let mut until = self.after(newest);
        for _ in 0..CHAIN {
            let Some(next) = self.last(until, newest) else { break };
            newest = next;
            until = self.after(newest);
        }
        Some(Period { from: begin, until })
    }

    /// The next beginning after `now`.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        for _ in 0..TRANSITIONS {
            let offset = self.zone.to_offset(at);
            let change = self.zone.following(at).next();
            let found = self.cron.find_next_occurrence(&civil(offset, at), false).ok();
            let found = found.and_then(|local| offset.to_timestamp(local).ok());
            let Some(change) = change else { return found };
            let moment = change.timestamp();
            if found.is_some_and(|found| found < moment) {
                return found;
            }
            if self.begins_at_change(moment, offset, change.offset()) {
                return Some(moment);
            }
            at = moment;
        }
        None
    }

    /// The newest beginning of those after `after` and not after `at`.
    fn last(&self, at: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let mut at = at;
        while at > after {
            let offset = self.zone.to_offset(at);
            let next_moment = at.checked_add(SignedDuration::from_nanos(1)).ok()?;
            let change = self.zone.preceding(next_moment).next();
            let moment = change.as_ref().map_or(Timestamp::MIN, TimeZoneTransition::timestamp);
            let found = self.cron.find_previous_occurrence(&civil(offset, at), true).ok();
            let found = found.and_then(|local| offset.to_timestamp(local).ok());
            if let Some(found) = found.filter(|found| *found >= moment) {
                return (found > after).then_some(found);
            }
            let earlier = moment.checked_sub(SignedDuration::from_nanos(1)).ok()?;
            if self.begins_at_change(moment, self.zone.to_offset(earlier), offset) {
                return (moment > after).then_some(moment);
            }
            at = earlier;
        }
        None
    }

    /// Whether a beginning falls on the moment at which clocks are changed, or into the time that they skip.
    fn begins_at_change(&self, moment: Timestamp, before: Offset, after: Offset) -> bool {
        let (shown_last, shown_first) = (civil(before, moment), civil(after, moment));
        let from = shown_last.min(shown_first);
        let next = self.cron.find_next_occurrence(&from, true);
        match next {
            Ok(next) if shown_first >= shown_last => next <= shown_first,
            Ok(next) => next == shown_first,
            Err(_) => false,
        }
    }

    fn before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.duration).unwrap_or(Timestamp::MIN)
    }

    fn after(&self, begin: Timestamp) -> Timestamp {
        begin.checked_add(self.duration).unwrap_or(Timestamp::MAX)
    }
}

fn read_cron(text: &str) -> Result<Cron, ScheduleError> {
    let fields = text.split_whitespace().count();
    if fields != 5 {
        return Err(ScheduleError::Cron(format!("found {fields} in {text:?}")));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|error| ScheduleError::Cron(error.to_string()))?;
    match cron.find_next_occurrence(&DateTime::constant(2000, 1, 1, 0, 0, 0, 0), true) {
        Ok(_) => Ok(cron),
        Err(_) => Err(ScheduleError::Never(text.to_owned())),
    }
}

fn read_duration(text: &str) -> Result<SignedDuration, ScheduleError> {
    let length = duration::parse(text).map_err(ScheduleError::Duration)?;
    if length.is_zero() || length > LONGEST {
        let message =
            "must be longer than nothing and at most 366 days; to block longer, leave `schedule` out";
        return Err(ScheduleError::Duration(message.to_owned()));
    }
    SignedDuration::try_from(length).map_err(|error| ScheduleError::Duration(error.to_string()))
}

fn read_zone(name: Option<&str>) -> Result<TimeZone, ScheduleError> {
    let name = name.unwrap_or("UTC");
    ZONES.get(name).map_err(|_| ScheduleError::TimeZone(name.to_owned()))
}

/// What clocks show, in whole seconds.
fn civil(offset: Offset, at: Timestamp) -> DateTime {
    let shown = offset.to_datetime(at);
    shown.with().subsec_nanosecond(0).build().unwrap_or(shown)
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Schedule {}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

/// As it is told to people: `0 18 * * FRI for 62h (Europe/Amsterdam)`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} ({})", self.cron(), self.duration(), self.time_zone())
    }
}

impl PartialSchema for Schedule {
    fn schema() -> RefOr<Schema> {
        Written::schema()
    }
}

impl ToSchema for Schedule {}

impl TryFrom<Written> for Schedule {
    type Error = ScheduleError;

    fn try_from(written: Written) -> Result<Self, ScheduleError> {
        Self::new(&written.cron, &written.duration, written.time_zone.as_deref())
    }
}

impl From<Schedule> for Written {
    fn from(schedule: Schedule) -> Self {
        schedule.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, duration: &str, zone: &str) -> Schedule {
        Schedule::new(cron, duration, Some(zone)).unwrap()
    }

    /// `from/until` of the period at `now`, or the next beginning.
    fn look(schedule: &Schedule, now: &str) -> String {
        match schedule.period(at(now)) {
            Some(period) => format!("{}/{}", period.from, period.until),
            None => format!("next {}", schedule.next(at(now)).unwrap()),
        }
    }

    /// [B1] During those times only, by the clock of the zone.
    #[test]
    fn b1_a_weekend_is_blocked_by_the_clock_of_its_zone() {
        let weekend = schedule("0 18 * * FRI", "62h", "Europe/Amsterdam");
        assert_eq!(look(&weekend, "2026-01-09T16:59:59Z"), "next 2026-01-09T17:00:00Z");
        let whole = "2026-01-09T17:00:00Z/2026-01-12T07:00:00Z";
        assert_eq!(look(&weekend, "2026-01-09T17:00:00Z"), whole);
        assert_eq!(look(&weekend, "2026-01-12T06:59:59.999Z"), whole);
        assert_eq!(look(&weekend, "2026-01-12T07:00:00Z"), "next 2026-01-16T17:00:00Z");
        // In summer it begins an hour earlier by UTC.
        assert_eq!(look(&weekend, "2026-07-01T00:00:00Z"), "next 2026-07-03T16:00:00Z");
    }

    /// [B1] The duration is time that passes: over a change of the clocks the end moves by the hour.
    #[test]
    fn b1_the_duration_passes_whatever_clocks_show() {
        let weekend = schedule("0 18 * * FRI", "62h", "Europe/Amsterdam");
        // Clocks spring forward on 2026-03-29, and fall back on 2026-10-25.
        assert_eq!(look(&weekend, "2026-03-28T00:00:00Z"), "2026-03-27T17:00:00Z/2026-03-30T07:00:00Z");
        assert_eq!(look(&weekend, "2026-10-24T00:00:00Z"), "2026-10-23T16:00:00Z/2026-10-26T06:00:00Z");
    }

    /// [B1] A beginning that clocks skip happens when they spring forward.
    #[test]
    fn b1_a_skipped_beginning_happens_at_the_change() {
        let night = schedule("30 2 * * *", "1h", "Europe/Amsterdam");
        assert_eq!(look(&night, "2026-03-29T00:00:00Z"), "next 2026-03-29T01:00:00Z");
        assert_eq!(look(&night, "2026-03-29T01:10:00Z"), "2026-03-29T01:00:00Z/2026-03-29T02:00:00Z");
        assert_eq!(look(&night, "2026-03-29T02:00:00Z"), "next 2026-03-30T00:30:00Z");
        // A whole day that was left out: Samoa went from 29 to 31 December 2011.
        let samoa = schedule("0 12 30 12 *", "2h", "Pacific/Apia");
        assert_eq!(look(&samoa, "2011-12-29T00:00:00Z"), "next 2011-12-30T10:00:00Z");
        assert_eq!(look(&samoa, "2011-12-30T11:00:00Z"), "2011-12-30T10:00:00Z/2011-12-30T12:00:00Z");
    }

    /// [B1] A beginning that clocks show twice happens twice.
    #[test]
    fn b1_a_repeated_beginning_happens_twice() {
        let night = schedule("30 2 * * *", "10m", "Europe/Amsterdam");
        assert_eq!(look(&night, "2026-10-25T00:00:00Z"), "next 2026-10-25T00:30:00Z");
        assert_eq!(look(&night, "2026-10-25T00:35:00Z"), "2026-10-25T00:30:00Z/2026-10-25T00:40:00Z");
        assert_eq!(look(&night, "2026-10-25T00:40:00Z"), "next 2026-10-25T01:30:00Z");
        assert_eq!(look(&night, "2026-10-25T01:39:59Z"), "2026-10-25T01:30:00Z/2026-10-25T01:40:00Z");
        // The first minute that is shown again is a beginning too.
        let sharp = schedule("0 2 * * *", "10m", "Europe/Amsterdam");
        assert_eq!(look(&sharp, "2026-10-25T00:30:00Z"), "next 2026-10-25T01:00:00Z");
        assert_eq!(look(&sharp, "2026-10-25T01:05:00Z"), "2026-10-25T01:00:00Z/2026-10-25T01:10:00Z");
    }

    /// Times that touch are one: nobody is told of an end that is none.
    #[test]
    fn periods_that_touch_are_one() {
        let office = schedule("0 9-16 * * MON-FRI", "1h", "UTC");
        assert_eq!(look(&office, "2026-01-05T12:30:00Z"), "2026-01-05T12:00:00Z/2026-01-05T17:00:00Z");
        let always = schedule("* * * * *", "1m", "UTC");
        assert!(always.period(at("2026-01-05T12:30:30Z")).unwrap().until > at("2026-01-05T20:00:00Z"));
    }

    /// Every minute of the weeks in which clocks are changed, one by one, is what the search says.
    #[test]
    fn search_and_enumeration_agree() {
        for (cron, zone) in [
            ("30 2 * * *", "Europe/Amsterdam"),
            ("*/20 * * * *", "America/New_York"),
            ("0 0 1 * *", "Australia/Lord_Howe"),
            ("15 1 * * SUN", "Africa/Casablanca"),
        ] {
            let schedule = schedule(cron, "90s", zone);
            enumerate(&schedule, at("2026-02-10T00:00:00Z"), at("2026-04-10T00:00:00Z"));
            enumerate(&schedule, at("2026-10-01T00:00:00Z"), at("2026-11-05T00:00:00Z"));
        }
    }

    fn enumerate(schedule: &Schedule, from: Timestamp, to: Timestamp) {
        let minute = SignedDuration::from_mins(1);
        let mut expected = schedule.next(from - SignedDuration::from_secs(1));
        let (mut now, mut seen) = (from, None);
        while now < to {
            let (before, after) = (schedule.zone.to_offset(now - minute), schedule.zone.to_offset(now));
            let shown = after.to_datetime(now);
            let skipped = i64::from((after.seconds() - before.seconds()).max(0) / 60);
            let begins = (0..=skipped).any(|ago| {
                schedule.cron.is_time_matching(&(shown - SignedDuration::from_mins(ago))).unwrap()
            });
            if begins {
                assert_eq!(expected, Some(now), "{schedule}");
                expected = schedule.next(now);
                seen = Some(now);
            }
            let blocking = seen.is_some_and(|seen: Timestamp| now.duration_since(seen) < schedule.duration);
            assert_eq!(schedule.period(now).is_some(), blocking, "{schedule} at {now}");
            now += minute;
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_field() {
        let refused = |cron: &str, duration: &str, zone: Option<&str>| {
            let error = Schedule::new(cron, duration, zone).unwrap_err();
            format!("{}: {error}", error.field())
        };
        assert_eq!(
            refused("0 0 30 2 *", "1h", None),
            "cron: \"0 0 30 2 *\" never happens; does the month have that day?"
        );
        assert!(refused("0 0 * *", "1h", None).starts_with("cron: expected the five fields"));
        assert!(refused("0 0 0 * * *", "1h", None).starts_with("cron: "));
        assert!(refused("61 0 * * *", "1h", None).starts_with("cron: "));
        assert!(refused("0 0 * * *", "9000h", None).starts_with("duration: must be"));
        assert!(refused("0 0 * * *", "0s", None).starts_with("duration: must be"));
        assert!(refused("0 0 * * *", "1h", Some("Amsterdam")).starts_with("timeZone: \"Amsterdam\" is not"));
    }
}
