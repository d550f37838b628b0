//! The input of each child: an item as ItemSelector transforms it, or a batch of items. Source: Step Functions
//! Developer Guide, "ItemSelector (Map)" (`input-output-itemselector.html`) and "ItemBatcher (Map)"
//! (`input-output-itembatcher.html`).

use serde_json::{Value, json};

use super::{
    Distributed, checked,
    items::{RawItem, Source},
};
use crate::{
    definition::ItemBatcher,
    engine::{
        Failure, Item, Scope,
        environment::{ActiveState, Extra},
    },
    limits,
    map_run::ChildInput,
};

/// The number of items to select before yielding to other tasks.
const AT_ONCE: usize = 64;

/// The limits of a batch.
struct Batching {
    items: usize,
    bytes: usize,
    input: Option<Value>,
}

impl Distributed<'_> {
    /// Reads the items and builds the inputs of the children.
    pub(super) async fn inputs(&self, source: Source) -> Result<Vec<ChildInput>, Failure> {
        let source_name = source.name();
        let items = self.read(source).await?;
        let mut selected = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            selected.push(self.select(index, item, &source_name)?);
            if index % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        match &self.map.item_batcher {
            Some(batcher) => self.batched(&self.batching(batcher)?, selected),
            None => selected.iter().map(|item| self.child_input(item.to_string(), 1)).collect(),
        }
    }

    fn select(&self, index: usize, item: RawItem, source: &str) -> Result<Value, Failure> {
        let Some(selector) = &self.map.item_selector else { return Ok(item.input()) };
        let RawItem { key, value } = item;
        let item = Item { index, value, key, source: Some(source.to_owned()) };
        let scope = Scope { item: Some(item), ..self.active.scope.clone() };
        self.run.fill(ActiveState { scope: &scope, ..self.active }, Extra::Nothing, selector, "ItemSelector")
    }

    fn batching(&self, batcher: &ItemBatcher) -> Result<Batching, Failure> {
        let number = |template: Option<&Value>, name: &str, most: usize| -> Result<usize, Failure> {
            let Some(template) = template else { return Ok(most) };
            let number = self.whole_number(template, &format!("ItemBatcher/{name}"), u64::MAX)?;
            Ok(usize::try_from(number).unwrap_or(most).min(most))
        };
        let input = batcher.batch_input.as_ref();
        Ok(Batching {
            items: number(batcher.max_items_per_batch.as_ref(), "MaxItemsPerBatch", usize::MAX)?,
            bytes: number(batcher.max_input_bytes_per_batch.as_ref(), "MaxInputBytesPerBatch", limits::PAYLOAD)?,
            input: input
                .map(|input| self.run.fill(self.active, Extra::Nothing, input, "ItemBatcher/BatchInput"))
                .transpose()?,
        })
    }

    /// Groups items into batches, within the limits on items and bytes.
    fn batched(&self, batching: &Batching, items: Vec<Value>) -> Result<Vec<ChildInput>, Failure> {
        let batch_input = |items: &[Value]| match &batching.input {
            Some(input) => json!({"BatchInput": input, "Items": items}),
            None => json!({"Items": items}),
        };
        let overhead = batch_input(&[]).to_string().len();
        let (mut inputs, mut batch, mut bytes) = (Vec::new(), Vec::new(), overhead);
        for item in items {
            // A comma separates two items.
            let more = item.to_string().len() + usize::from(!batch.is_empty());
            if !batch.is_empty() && (batch.len() >= batching.items || bytes + more > batching.bytes) {
                inputs.push(self.child_input(batch_input(&batch).to_string(), batch.len())?);
                batch.clear();
                bytes = overhead;
            }
            bytes += item.to_string().len() + usize::from(!batch.is_empty());
            batch.push(item);
        }
        if !batch.is_empty() {
            inputs.push(self.child_input(batch_input(&batch).to_string(), batch.len())?);
        }
        Ok(inputs)
    }

    fn child_input(&self, text: String, items: usize) -> Result<ChildInput, Failure> {
        checked(self.active, &text)?;
        Ok(ChildInput { text, items: items as u64 })
    }
}
