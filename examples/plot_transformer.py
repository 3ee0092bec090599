"""
Requests to a shop, a transformer and its tokenizer
===================================================

Text goes into a transformer through its tokenizer, and both belong into one Pipeline: the pool is
then a list of texts, a query returns texts, and strategies still see what the net makes of them.
Nothing is downloaded here: the texts are written, the tokenizer is trained and the transformer is
built in the example. A pretrained model goes in the same places.
"""

# %%
# Requests on four topics. Some phrases are common and some are rare, and most words occur in
# several topics: *order*, *card*, *address* or *money* tell little by themselves.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier
from skorch.hf import HuggingfacePretrainedTokenizer
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordLevelTrainer
from torch import nn
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from skactive import ActiveLearner, BudgetCurveDisplay, compare_strategies

PHRASES = {
    "account": [
        "I cannot log in since {time}",
        "please change the address of my account",
        "how do I get a new password",
        "someone ordered a {item} with my account {time}",
        "delete my card and my account",
        "my account shows a {item} that I never bought",
    ],
    "billing": [
        "I was charged twice for the {item}",
        "the invoice for the {item} shows the wrong amount",
        "why was money taken from my card {time}",
        "please send me a receipt for the {item} that I ordered {time}",
        "my voucher was not taken off the price of the {item}",
        "the payment for the {item} never went through",
    ],
    "delivery": [
        "my {item} has not arrived yet",
        "where is the {item} that I ordered {time}",
        "the parcel with the {item} was left at the wrong door",
        "can you send the {item} to another address",
        "the courier never rang and took the {item} away again",
        "tracking says delivered but there is no {item}",
    ],
    "returns": [
        "the {item} arrived broken",
        "I want to send the {item} back",
        "the {item} is the wrong size",
        "the {item} stopped working {time}",
        "when do I get my money back for the {item} I returned {time}",
        "I ordered a {item} and was sent another",
    ],
}
ITEMS = ["bike", "book", "camera", "carpet", "chair", "desk", "jacket", "kettle", "lamp", "phone"]
TIMES = ["yesterday", "last week", "on Monday", "two days ago", "this morning", "in May"]
BEFORE = ["", "", "hello, ", "hi there, ", "good morning, ", "sorry to bother you, "]
AFTER = ["", "", ", please help", ", what can I do", ", thanks", ", this is urgent"]


def request(topic, rng):
    common_to_rare = 1 / np.arange(1, 7)
    phrase = rng.choice(PHRASES[topic], p=common_to_rare / common_to_rare.sum())
    phrase = phrase.format(item=rng.choice(ITEMS), time=rng.choice(TIMES))
    return rng.choice(BEFORE) + phrase + rng.choice(AFTER)


rng = np.random.default_rng(0)
topics = rng.choice(list(PHRASES), 600, p=[0.1, 0.3, 0.4, 0.2])
texts = [request(topic, rng) for topic in topics]

# %%
# The tokenizer learns the words of all texts, for which it needs no labels. As a
# ``PreTrainedTokenizerFast`` of transformers it becomes a step of a Pipeline, by skorch.

tokenizer = Tokenizer(WordLevel(unk_token="[UNK]"))
tokenizer.normalizer = Lowercase()
tokenizer.pre_tokenizer = BertPreTokenizer()
trainer = WordLevelTrainer(special_tokens=["[PAD]", "[UNK]"], show_progress=False)
tokenizer.train_from_iterator(texts, trainer)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
print(fast.tokenize(texts[0]))

# %%
# The module gets what the tokenizer gives, by name, and returns logits. Its last linear layer is
# given the mean over the words of a text: the embedding for BADGE, k_center and their like.


class Topic(nn.Module):
    def __init__(self, n_words, n_topics, width=32):
        super().__init__()
        config = BertConfig(
            vocab_size=n_words,
            hidden_size=width,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=2 * width,
            max_position_embeddings=24,
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(width, n_topics)

    def forward(self, input_ids, attention_mask):
        words = self.bert(input_ids, attention_mask).last_hidden_state
        is_word = attention_mask[:, :, None]
        return self.head((words * is_word).sum(dim=1) / is_word.sum(dim=1))


net = NeuralNetClassifier(
    Topic,
    module__n_words=len(fast),
    module__n_topics=len(PHRASES),
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=0.005,
    batch_size=16,
    iterator_valid__batch_size=256,  # of passes over the pool
    max_epochs=20,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
pipe = make_pipeline(HuggingfacePretrainedTokenizer(fast, max_length=24), net)

# %%
# With the first twenty labels, these are the requests that BADGE would have somebody read:

torch.set_num_threads(1)  # for a net this small, more would only wait for one another
y = np.where(np.arange(len(texts)) < 20, topics, "")
learner = ActiveLearner(pipe, "badge", classes=list(PHRASES), missing_label="", random_state=0)
learner.fit(texts, y)
idx, rows = learner.query(n_instances=5)
for text in rows:
    print(text)

# %%
# And this is what its questions are worth, beside those of margin and random: twenty labels a
# round, five times.

comparison = compare_strategies(
    pipe,
    texts,
    topics,
    ["badge"],
    budget=100,
    n_instances=20,
    n_initial=20,
    n_repeats=5,
    test_size=0.5,
    scoring="accuracy",
    n_jobs=2,
    random_state=0,
)

figure, ax = plt.subplots(figsize=(8, 5.5), layout="constrained")
BudgetCurveDisplay.from_comparison(comparison, target=comparison.default_target(), ax=ax)
plt.show()

# %%
# What may be concluded from five repeats:

print(comparison.verdict())
for row in comparison.summary()[1:]:
    print(f"{row['strategy']}: {row['saving']}")

# %%
# Rare phrases are what these texts have to teach: random meets them late, and a strategy that looks
# for doubt asks for them. Texts from templates are easier than people's.
