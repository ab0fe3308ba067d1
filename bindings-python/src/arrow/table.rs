//! Rows of `popmail::mime::columns` as Arrow columns in memory.
//!
//! Which columns there are and what they hold, the core decides; here each kind of value gets its
//! Arrow type and is copied to its place. Texts and octets have 64-bit offsets, since the bodies of
//! one batch may be larger than 2 GiB; lists have 32-bit ones, which more programs read.

use std::sync::Arc;

use arrow_array::builder::{
    Int16Builder, Int32Builder, Int64Builder, LargeBinaryBuilder, LargeStringBuilder,
    NullBufferBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, RecordBatch, StructArray, make_array};
use arrow_buffer::OffsetBuffer;
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use popmail::mime::columns::{Column, Kind, Row, Value};
use popmail::mime::{Address, AddressList, Defect, Headers, Part};

/// The schema of a table with these columns.
pub fn schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| Field::new(column.as_str(), data_type(column.kind()), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::LargeUtf8,
        Kind::Texts => list(item(DataType::LargeUtf8)),
        Kind::Octets => DataType::LargeBinary,
        Kind::OctetsList => list(item(DataType::LargeBinary)),
        Kind::Number => DataType::Int64,
        Kind::Minutes => DataType::Int16,
        Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        Kind::Mailbox => DataType::Struct(Mailboxes::fields(false)),
        Kind::Mailboxes => list(item(DataType::Struct(Mailboxes::fields(true)))),
        Kind::Fields => list(item(DataType::Struct(HeaderFields::fields()))),
        Kind::Parts => list(item(DataType::Struct(Parts::fields()))),
        Kind::Defects => list(item(DataType::Struct(Defects::fields()))),
    }
}

const UTC: &str = "UTC";

fn item(kind: DataType) -> Field {
    Field::new("item", kind, false)
}

fn list(item: Field) -> DataType {
    DataType::List(Arc::new(item))
}

fn fields<const N: usize>(members: [(&str, DataType, bool); N]) -> Fields {
    let field = |(name, kind, nullable)| Field::new(name, kind, nullable);
    members.into_iter().map(field).collect()
}

/// Takes rows and gives them as one batch.
pub struct Table {
    columns: Vec<(Column, Cells)>,
}

impl Table {
    pub fn new(columns: &[Column]) -> Self {
        let cells = |column: &Column| (*column, Cells::new(column.kind()));
        Table {
            columns: columns.iter().map(cells).collect(),
        }
    }

    pub fn push(&mut self, row: &Row<'_>) -> Result<(), ArrowError> {
        for (column, cells) in &mut self.columns {
            cells.push(column.read(row))?;
        }
        Ok(())
    }

    pub fn finish(self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let columns = self.columns.into_iter().map(|(_, cells)| cells.finish());
        RecordBatch::try_new(Arc::clone(schema), columns.collect())
    }
}

/// The batches one after the other as one batch.
pub fn concatenated(
    batches: Vec<RecordBatch>,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut pieces: Vec<_> = batches
        .into_iter()
        .map(|batch| batch.columns().to_vec().into_iter())
        .collect();
    let mut columns = Vec::new();
    for _ in schema.fields() {
        // What was taken is dropped before the next column: the copies never stand beside all of it.
        let data: Vec<_> = pieces
            .iter_mut()
            .filter_map(|columns| Some(columns.next()?.to_data()))
            .collect();
        let mut joined = MutableArrayData::try_new(data.iter().collect(), true, rows)?;
        for (index, piece) in data.iter().enumerate() {
            joined.try_extend(index, 0, piece.len())?;
        }
        columns.push(make_array(joined.freeze()));
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// One column that is being filled.
enum Cells {
    Text(LargeStringBuilder),
    Texts(Lists<LargeStringBuilder>),
    Octets(LargeBinaryBuilder),
    OctetsList(Lists<LargeBinaryBuilder>),
    Number(Int64Builder),
    Minutes(Int16Builder),
    Instant(TimestampMicrosecondBuilder),
    Mailbox(Mailboxes, NullBufferBuilder),
    Mailboxes(Lists<Mailboxes>),
    Fields(Lists<HeaderFields>),
    Parts(Box<Lists<Parts>>),
    Defects(Box<Lists<Defects>>),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Cells::Text(LargeStringBuilder::new()),
            Kind::Texts => Cells::Texts(Lists::default()),
            Kind::Octets => Cells::Octets(LargeBinaryBuilder::new()),
            Kind::OctetsList => Cells::OctetsList(Lists::default()),
            Kind::Number => Cells::Number(Int64Builder::new()),
            Kind::Minutes => Cells::Minutes(Int16Builder::new()),
            Kind::Instant => Cells::Instant(TimestampMicrosecondBuilder::new()),
            Kind::Mailbox => Cells::Mailbox(Mailboxes::default(), NullBufferBuilder::new(0)),
            Kind::Mailboxes => Cells::Mailboxes(Lists::default()),
            Kind::Fields => Cells::Fields(Lists::default()),
            Kind::Parts => Cells::Parts(Box::default()),
            Kind::Defects => Cells::Defects(Box::default()),
        }
    }

    fn push(&mut self, value: Value<'_>) -> Result<(), ArrowError> {
        match (self, value) {
            (Cells::Text(cells), Value::Text(text)) => cells.append_option(text),
            (Cells::Texts(cells), Value::Texts(texts)) => {
                return cells.push(texts, |items, text| items.append_value(text));
            }
            (Cells::Octets(cells), Value::Octets(octets)) => cells.append_option(octets),
            (Cells::OctetsList(cells), Value::OctetsList(list)) => {
                return cells.push(list, |items, octets| items.append_value(octets));
            }
            (Cells::Number(cells), Value::Number(number)) => {
                cells.append_option(number.and_then(|number| i64::try_from(number).ok()));
            }
            (Cells::Minutes(cells), Value::Minutes(minutes)) => cells.append_option(minutes),
            (Cells::Instant(cells), Value::Instant(seconds)) => {
                cells.append_option(seconds.and_then(|seconds| seconds.checked_mul(1_000_000)));
            }
            (Cells::Mailbox(cells, valid), Value::Mailbox(mailbox)) => {
                valid.append(mailbox.is_some());
                cells.push(mailbox.as_ref(), None);
            }
            (Cells::Mailboxes(cells), Value::Mailboxes(list)) => {
                cells.items.extend(list.as_ref());
                return cells.close(list.is_some());
            }
            (Cells::Fields(cells), Value::Fields(fields)) => {
                cells.items.extend(fields.as_ref());
                return cells.close(fields.is_some());
            }
            (Cells::Parts(cells), Value::Parts(parts)) => {
                return cells.push(parts, |items, part| items.push(&part));
            }
            (Cells::Defects(cells), Value::Defects(defects)) => {
                return cells.push(defects, |items, defect| items.push(&defect));
            }
            _ => {
                let told = "a column whose kind is not that of its value";
                return Err(ArrowError::SchemaError(told.to_owned()));
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Cells::Text(cells) => cells.into_array(),
            Cells::Texts(cells) => cells.finish(),
            Cells::Octets(cells) => cells.into_array(),
            Cells::OctetsList(cells) => cells.finish(),
            Cells::Number(mut cells) => Arc::new(cells.finish()),
            Cells::Minutes(mut cells) => Arc::new(cells.finish()),
            Cells::Instant(mut cells) => Arc::new(cells.finish().with_timezone(UTC)),
            Cells::Mailbox(mut cells, mut valid) => {
                let fields = Mailboxes::fields(false);
                let arrays: Vec<ArrayRef> = vec![
                    Arc::new(cells.name.finish()),
                    Arc::new(cells.address.finish()),
                ];
                Arc::new(StructArray::new(fields, arrays, valid.finish()))
            }
            Cells::Mailboxes(cells) => cells.finish(),
            Cells::Fields(cells) => cells.finish(),
            Cells::Parts(cells) => cells.finish(),
            Cells::Defects(cells) => cells.finish(),
        }
    }
}

/// The items of lists, all lists one after the other.
trait Items: Default {
    fn count(&self) -> usize;
    fn into_array(self) -> ArrayRef;
}

impl Items for LargeStringBuilder {
    fn count(&self) -> usize {
        arrow_array::builder::ArrayBuilder::len(self)
    }

    fn into_array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Items for LargeBinaryBuilder {
    fn count(&self) -> usize {
        arrow_array::builder::ArrayBuilder::len(self)
    }

    fn into_array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

/// A column of lists.
struct Lists<T> {
    items: T,
    /// Where each list ends, from the start of the first.
    ends: Vec<i32>,
    valid: NullBufferBuilder,
}

impl<T: Items> Default for Lists<T> {
    fn default() -> Self {
        Lists {
            items: T::default(),
            ends: vec![0],
            valid: NullBufferBuilder::new(0),
        }
    }
}

impl<T: Items> Lists<T> {
    fn push<I>(
        &mut self,
        list: Option<Vec<I>>,
        mut append: impl FnMut(&mut T, I),
    ) -> Result<(), ArrowError> {
        let is_some = list.is_some();
        for item in list.into_iter().flatten() {
            append(&mut self.items, item);
        }
        self.close(is_some)
    }

    /// Ends a list at the items that are there.
    fn close(&mut self, is_some: bool) -> Result<(), ArrowError> {
        let end = i32::try_from(self.items.count()).map_err(|_| {
            let told = "the lists of one batch have at most 2147483647 items: take smaller batches";
            ArrowError::ComputeError(told.to_owned())
        })?;
        self.ends.push(end);
        self.valid.append(is_some);
        Ok(())
    }

    fn finish(mut self) -> ArrayRef {
        let items = self.items.into_array();
        let field = Arc::new(item(items.data_type().clone()));
        let ends = OffsetBuffer::new(self.ends.into());
        Arc::new(ListArray::new(field, ends, items, self.valid.finish()))
    }
}

#[derive(Default)]
struct Mailboxes {
    name: LargeStringBuilder,
    address: LargeStringBuilder,
    group: LargeStringBuilder,
}

impl Mailboxes {
    fn fields(with_group: bool) -> Fields {
        let name = ("name", DataType::LargeUtf8, true);
        let address = ("address", DataType::LargeUtf8, false);
        match with_group {
            true => fields([name, address, ("group", DataType::LargeUtf8, true)]),
            false => fields([name, address]),
        }
    }

    fn push(&mut self, mailbox: Option<&Address<'_>>, group: Option<&str>) {
        self.name.append_option(mailbox.and_then(Address::name));
        self.address
            .append_value(mailbox.map(Address::address).unwrap_or_default());
        self.group.append_option(group);
    }

    fn extend(&mut self, list: Option<&AddressList<'_>>) {
        for group in list.map(AddressList::groups).unwrap_or_default() {
            for mailbox in group.addresses() {
                self.push(Some(mailbox), group.name());
            }
        }
    }
}

impl Items for Mailboxes {
    fn count(&self) -> usize {
        self.address.count()
    }

    fn into_array(self) -> ArrayRef {
        let arrays = [self.name, self.address, self.group].map(Items::into_array);
        Arc::new(StructArray::new(Self::fields(true), arrays.to_vec(), None))
    }
}

#[derive(Default)]
struct HeaderFields {
    name: LargeStringBuilder,
    value: LargeStringBuilder,
}

impl HeaderFields {
    fn fields() -> Fields {
        fields([
            ("name", DataType::LargeUtf8, false),
            ("value", DataType::LargeUtf8, false),
        ])
    }

    fn extend(&mut self, headers: Option<&Headers<'_>>) {
        for field in headers.into_iter().flat_map(Headers::iter) {
            self.name.append_value(field.name());
            self.value.append_value(field.value());
        }
    }
}

impl Items for HeaderFields {
    fn count(&self) -> usize {
        self.name.count()
    }

    fn into_array(self) -> ArrayRef {
        let arrays = [self.name, self.value].map(Items::into_array);
        Arc::new(StructArray::new(Self::fields(), arrays.to_vec(), None))
    }
}

/// The number of a part. Parts are bounded far below what 31 bits hold; unsigned numbers are not read everywhere.
fn number(part: u32) -> i32 {
    i32::try_from(part).unwrap_or(i32::MAX)
}

#[derive(Default)]
struct Parts {
    index: Int32Builder,
    filename: LargeStringBuilder,
    safe_filename: LargeStringBuilder,
    content_type: LargeStringBuilder,
    disposition: LargeStringBuilder,
    content_id: LargeStringBuilder,
    size: Int64Builder,
}

impl Parts {
    fn fields() -> Fields {
        fields([
            ("index", DataType::Int32, false),
            ("filename", DataType::LargeUtf8, true),
            ("safe_filename", DataType::LargeUtf8, false),
            ("content_type", DataType::LargeUtf8, false),
            ("disposition", DataType::LargeUtf8, true),
            ("content_id", DataType::LargeUtf8, true),
            ("size", DataType::Int64, false),
        ])
    }

    fn push(&mut self, part: &Part<'_>) {
        self.index.append_value(number(part.index()));
        self.filename.append_option(part.filename());
        self.safe_filename.append_value(part.safe_filename());
        self.content_type.append_value(part.content_type());
        self.disposition.append_option(part.disposition());
        self.content_id.append_option(part.content_id());
        self.size
            .append_value(i64::try_from(part.size()).unwrap_or(i64::MAX));
    }
}

impl Items for Parts {
    fn count(&self) -> usize {
        self.safe_filename.count()
    }

    fn into_array(mut self) -> ArrayRef {
        let arrays = vec![
            Arc::new(self.index.finish()) as ArrayRef,
            self.filename.into_array(),
            self.safe_filename.into_array(),
            self.content_type.into_array(),
            self.disposition.into_array(),
            self.content_id.into_array(),
            Arc::new(self.size.finish()),
        ];
        Arc::new(StructArray::new(Self::fields(), arrays, None))
    }
}

#[derive(Default)]
struct Defects {
    code: LargeStringBuilder,
    severity: LargeStringBuilder,
    part: Int32Builder,
    start: Int64Builder,
    end: Int64Builder,
}

impl Defects {
    fn fields() -> Fields {
        fields([
            ("code", DataType::LargeUtf8, false),
            ("severity", DataType::LargeUtf8, false),
            ("part", DataType::Int32, false),
            ("start", DataType::Int64, true),
            ("end", DataType::Int64, true),
        ])
    }

    fn push(&mut self, defect: &Defect) {
        let range = defect.range.as_ref();
        self.code.append_value(defect.code.as_str());
        self.severity.append_value(defect.severity().as_str());
        self.part.append_value(number(defect.part));
        self.start
            .append_option(range.and_then(|range| i64::try_from(range.start).ok()));
        self.end
            .append_option(range.and_then(|range| i64::try_from(range.end).ok()));
    }
}

impl Items for Defects {
    fn count(&self) -> usize {
        self.code.count()
    }

    fn into_array(mut self) -> ArrayRef {
        let arrays = vec![
            self.code.into_array(),
            self.severity.into_array(),
            Arc::new(self.part.finish()) as ArrayRef,
            Arc::new(self.start.finish()),
            Arc::new(self.end.finish()),
        ];
        Arc::new(StructArray::new(Self::fields(), arrays, None))
    }
}
