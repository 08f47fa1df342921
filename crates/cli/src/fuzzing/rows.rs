//! Rows of every format, read out of any bytes, and written of any keys and values.
//!
//! What has to hold: how the input is cut into pieces changes nothing; lines are counted upwards; what was read is written and
//! read again as the same entries, unless the writer refuses what the format cannot hold.

use std::io::{BufRead, BufReader, Cursor};

use pentad_engine::fuzzing::Source;
use pentad_engine::{Expiry, Timestamp};

use crate::formats::{Dialect, Entry, Format, Row, RowError, WriteError, reader, writer};

const FORMATS: [Format; 4] = [Format::Lines, Format::Tsv, Format::Csv, Format::Jsonl];

/// Format and dialect, as the next byte says.
fn chosen(source: &mut Source<'_>) -> (Format, Dialect) {
    let choice = source.byte();
    let format = FORMATS[usize::from(choice % 4)];
    let header = [None, Some(true), Some(false)][usize::from(choice >> 2 & 3).min(2)];
    let escaped = choice & 0x10 != 0 && format.can_be_escaped();
    (format, Dialect { escaped, header, drop_keys: choice & 0x20 != 0 })
}

/// Reads rows.
pub(super) fn read(source: &mut Source<'_>) {
    let (format, dialect) = chosen(source);
    let piece = 1 + usize::from(source.byte());
    let bytes = source.rest();
    let (rows, end) = rows_of(format, dialect, Cursor::new(bytes.to_vec()));
    let in_pieces = BufReader::with_capacity(piece, Cursor::new(bytes.to_vec()));
    assert_eq!(rows_of(format, dialect, in_pieces), (rows.clone(), end), "read in pieces of {piece} bytes");
    // A carriage return alone ends a record of csv and not a line.
    let rises = |before: u64, after: u64| before < after || (format == Format::Csv && before == after);
    assert!(
        rows.windows(2).all(|pair| rises(pair[0].line, pair[1].line)),
        "lines are counted upwards: {rows:?}"
    );
    let kept = Dialect { drop_keys: false, ..dialect };
    match written(format, kept, &rows) {
        Ok(text) => {
            let (again, end) = rows_of(format, kept, Cursor::new(text));
            assert_eq!(end, None);
            assert_eq!(entries(&again), entries(&rows));
        }
        Err(refusal) => {
            assert!(format == Format::Csv && !dialect.escaped, "{format:?} refused what it gave: {refusal}");
        }
    }
}

/// Writes one or more entries of any bytes.
pub(super) fn write(source: &mut Source<'_>) {
    let (format, dialect) = chosen(source);
    let mut rows = Vec::new();
    for line in 1..16 {
        if source.is_spent() {
            break;
        }
        let length = usize::from(source.byte() % 16);
        let key = if format == Format::Lines {
            format!("{line:012}").into_bytes()
        } else {
            source.take(length).to_vec()
        };
        let length = usize::from(source.byte() % 64);
        let value = source.take(length).to_vec();
        let ends = format == Format::Jsonl && source.byte() % 2 == 1;
        let expiry = if ends { Expiry::At(Timestamp(source.number())) } else { Expiry::Never };
        rows.push(Row { key, value, expiry, line });
    }
    if let Ok(text) = written(format, dialect, &rows) {
        let (again, end) = rows_of(format, dialect, Cursor::new(text));
        assert_eq!(end, None);
        assert_eq!(entries(&again), entries(&rows));
    } else {
        assert!(!dialect.escaped && format != Format::Jsonl, "{format:?} holds everything");
    }
}

/// All rows up to the end or the first that is malformed, with its line and what is said of it.
fn rows_of<R: BufRead + 'static>(
    format: Format,
    dialect: Dialect,
    input: R,
) -> (Vec<Row>, Option<(u64, String)>) {
    let mut reader = reader(format, dialect, input).expect("only dir has no rows");
    let mut rows = Vec::new();
    loop {
        match reader.next_row() {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => return (rows, None),
            Err(RowError::Malformed { line, what }) => {
                assert!(line > 0 && !what.is_empty());
                return (rows, Some((line, what)));
            }
            Err(RowError::Io(error)) => panic!("bytes in memory can be read: {error}"),
        }
    }
}

/// The rows in `format`, or why one was refused.
fn written(format: Format, dialect: Dialect, rows: &[Row]) -> Result<Vec<u8>, String> {
    let mut writer = writer(format, dialect).expect("only dir has no rows");
    let mut text = Vec::new();
    writer.begin(&mut text).expect("writing to memory");
    for row in rows {
        let deadline = deadline(row);
        let before = text.len();
        match writer.write_row(Entry { key: &row.key, value: &row.value, deadline }, &mut text) {
            Ok(()) => {}
            Err(WriteError::Refused(why)) => {
                assert_eq!(text.len(), before, "a refused entry left something behind: {why}");
                return Err(why);
            }
            Err(WriteError::Io(error)) => panic!("writing to memory: {error}"),
        }
    }
    Ok(text)
}

fn deadline(row: &Row) -> Option<Timestamp> {
    match row.expiry {
        Expiry::At(time) => Some(time),
        _ => None,
    }
}

fn entries(rows: &[Row]) -> Vec<(&[u8], &[u8], Option<Timestamp>)> {
    rows.iter().map(|row| (&row.key[..], &row.value[..], deadline(row))).collect()
}
