"""Arrays from skorch nets, against plain loops over the module, autograd and closed forms."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skactive import ActiveLearner, Strategy, get_strategy_names, scores
from skactive.learner import questions
from skactive.learner.questions import adapt
from skactive.models.linear_distance import linear_margins
from skactive.strategies import Dropout, Subpool, as_strategy
from skactive.testing import check_strategy

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
import nets  # noqa: E402
from skorch.callbacks import Checkpoint, EpochScoring  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, default_collate  # noqa: E402

from skactive.models.checking import check_sums  # noqa: E402
from skactive.models.modules import DropoutMasks, dropout_layers  # noqa: E402
from skactive.models.serving import CheckedLoader  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:labels are too few for the net's train_split"),
    pytest.mark.filterwarnings("ignore:The least populated class"),
]
X, TRUTH = nets.digits()
IMAGES = X.reshape(-1, 1, 8, 8)
FOR_REGRESSORS = {
    name for name in get_strategy_names() if {"std", "value"} & set(as_strategy(name).reads)
}
# What no net gives.
NO_NET = [name for name in get_strategy_names() if "feature_dropout" in as_strategy(name).reads]
FOR_CLASSIFIERS = [name for name in get_strategy_names() if name not in [*FOR_REGRESSORS, *NO_NET]]

NETS = {
    "logits": (nets.classifier, X),
    "softmax": (nets.softmax_classifier, X),
    "batch norm": (lambda **params: nets.classifier(module__norm=True, **params), X),
    "images": (lambda **params: nets.classifier(nets.CNN, **params), IMAGES),
    "binary": (nets.binary_classifier, X),
    "binary, flat": (lambda **params: nets.binary_classifier(module__end="flat", **params), X),
}
each_net = pytest.mark.parametrize(("make", "X"), NETS.values(), ids=NETS)


def trained(net, X=X):
    """A net that skorch itself has fitted."""
    torch.manual_seed(0)
    is_binary = type(net).__name__ == "NeuralNetBinaryClassifier"
    y = TRUTH % 2 if is_binary else TRUTH
    return net.fit(X, y.astype(np.float32 if is_binary else np.int64))


def model_of(net, **options):
    classes = np.arange(2 if type(net).__name__ == "NeuralNetBinaryClassifier" else 10)
    return adapt(net, classes, **options)


def learner(net, strategy="margin", **params):
    return ActiveLearner(net, strategy, **({"classes": range(10), "random_state": 0} | params))


def view_of(learner):
    return questions.view_of(learner)[0]


# Probabilities


@pytest.mark.parametrize("batch_size", [7, 128, 1000])
@each_net
def test_probabilities_are_those_of_skorch(make, X, batch_size):
    net = trained(make(batch_size=batch_size), X)
    np.testing.assert_array_equal(model_of(net).proba(X), net.predict_proba(X))


@each_net
def test_a_learner_predicts_as_its_net_does(make, X):
    is_binary = type(make()).__name__ == "NeuralNetBinaryClassifier"
    y = TRUTH % 2 if is_binary else TRUTH
    fitted = learner(make(), classes=np.unique(y)).fit(X, nets.hidden(y, 60))
    proba = fitted.estimator_.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)
    np.testing.assert_array_equal(fitted.predict(X), fitted.estimator_.predict(X))
    assert fitted.score(X, y) == pytest.approx((proba.argmax(axis=1) == y).mean())


def test_rows_of_any_float_and_layout_give_the_same_probabilities():
    net = trained(nets.classifier())
    model, expected = model_of(net), net.predict_proba(X)
    locked = X.copy()
    locked.flags.writeable = False
    for same in (
        X.astype(np.float64),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        locked,
        torch.from_numpy(X),
        torch.from_numpy(X).double(),
    ):
        np.testing.assert_array_equal(model.proba(same), expected)


def test_a_net_in_double_computes_in_double():
    net = nets.started(nets.classifier())
    net.module_.double()
    wide = X.astype(np.float64) + 1e-12
    with torch.no_grad():
        expected = net.module_.eval()(torch.from_numpy(wide)).softmax(dim=1).numpy()
    proba = model_of(net).proba(wide)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float16,
        pytest.param(
            torch.bfloat16,
        ),
    ],
    ids=["float16", "bfloat16"],
)
def test_a_net_in_half_precision_is_near_one_in_single(dtype):
    single = nets.started(nets.classifier(module__dropout=0.0))
    half = nets.started(nets.classifier(module__dropout=0.0))
    half.module_.to(dtype)
    model, near = model_of(half), model_of(single)
    np.testing.assert_allclose(model.proba(X), near.proba(X), atol=0.02)
    np.testing.assert_allclose(model.embedding(X), near.embedding(X), atol=0.02)
    np.testing.assert_allclose(model.perturbation(X[:9], "deepfool").shape, 9)
    net = nets.classifier(half.module_, train_split=None)  # skorch's valid_acc knows no bfloat16
    fitted = learner(net).fit(X, nets.hidden(TRUTH, 60))
    assert fitted.query(n_instances=3)[0].min() >= 60


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_a_confident_net_in_half_precision_has_a_gradient(dtype):
    half = nets.started(nets.classifier(module__dropout=0.0))
    with torch.no_grad():
        half.module_.head.weight.mul_(40)
    half.module_.to(dtype)
    outputs = half.module_(torch.from_numpy(X).to(dtype)).detach().float()
    assert (outputs.softmax(dim=1) < 1e-7).any()
    model = model_of(half)
    np.testing.assert_allclose(model.proba(X), outputs.softmax(dim=1).numpy(), atol=1e-5)
    np.testing.assert_array_equal(model.features(X), model.embedding(X))


@pytest.mark.parametrize("wrap", [lambda pipe: pipe, FrozenEstimator], ids=["Pipeline", "frozen"])
def test_a_net_at_the_end_of_a_pipeline_sees_what_the_steps_make(wrap):
    torch.manual_seed(0)
    pipe = make_pipeline(StandardScaler(), nets.classifier()).fit(X, TRUTH)
    model = model_of(wrap(pipe))
    np.testing.assert_array_equal(model.proba(X), pipe.predict_proba(X))
    with torch.no_grad():
        hidden = pipe[-1].module_.eval().body(torch.from_numpy(pipe[0].transform(X)))
    np.testing.assert_allclose(model.embedding(X), hidden.numpy(), rtol=1e-6)


def test_a_dict_of_tensors_reaches_a_module_by_its_names():
    torch.manual_seed(0)
    pipe = make_pipeline(FunctionTransformer(nets.halves), nets.classifier(nets.Halves))
    pipe.fit(X, TRUTH)
    model = model_of(pipe)
    np.testing.assert_array_equal(model.proba(X.astype(np.float64)), pipe.predict_proba(X))
    assert model.embedding(X).shape == (len(X), 12)
    passes = model.samples(X[:9])
    assert np.ptp(passes, axis=0).max() > 0
    with pytest.raises(ValueError, match="is given a dict; use another strategy"):
        model.perturbation(X, "bim")


def test_a_compiled_net_gives_what_it_gives_uncompiled():
    plain = learner(nets.classifier(), "badge").fit(X, nets.hidden(TRUTH, 60))
    net = nets.classifier(compile=True, compile__backend="eager")
    compiled = learner(net, "badge").fit(X, nets.hidden(TRUTH, 60))
    assert hasattr(compiled.estimator_.module_, "_orig_mod")
    a, b = questions.model_of(plain), questions.model_of(compiled)
    np.testing.assert_allclose(b.proba(X), a.proba(X), rtol=1e-6)
    np.testing.assert_allclose(b.embedding(X), a.embedding(X), rtol=1e-6)
    np.testing.assert_allclose(b.samples(X), a.samples(X), rtol=1e-5)
    np.testing.assert_allclose(
        b.perturbation(X[:20], "deepfool"), a.perturbation(X[:20], "deepfool"), rtol=1e-3
    )
    assert hasattr(compiled.estimator_.module_, "_orig_mod")
    np.testing.assert_array_equal(compiled.query(n_instances=5)[0], plain.query(n_instances=5)[0])


@pytest.mark.skipif(not hasattr(torch.compiler, "set_stance"), reason="torch is older than 2.6")
def test_passes_with_hooks_go_by_what_was_compiled_in_place():
    net, compiled = nets.started(nets.classifier()), []
    net.module_.compile(backend=lambda graph, inputs: compiled.append(1) or graph.forward)
    model = model_of(net)
    for read in (model.samples, model.embedding, model.features):
        read(X)
    assert not compiled
    model.proba(X)
    assert compiled


def doubled(rows):
    """A collate function that changes what the net sees."""
    x, y = default_collate(rows)
    return 2 * x, y


@pytest.mark.parametrize("n_workers", [0, 2])
def test_a_collate_function_of_the_users_own_is_called(n_workers):
    params = {"iterator_valid__collate_fn": doubled, "iterator_valid__num_workers": n_workers}
    model = model_of(nets.started(nets.classifier(**params)))
    plain = model_of(nets.started(nets.classifier()))
    for what in ("proba", "embedding", "features", "samples"):
        np.testing.assert_array_equal(getattr(model, what)(X), getattr(plain, what)(2 * X))


class Workers(torch.utils.data.Dataset):
    """Each input is the number of the process that reads it, from 1; 0 in the main one."""

    def __len__(self):
        return 40

    def __getitem__(self, at):
        worker = torch.utils.data.get_worker_info()
        return torch.tensor([0.0 if worker is None else worker.id + 1.0]), -1


def test_the_workers_asked_for_read_the_rows():
    net = nets.started(
        nets.skorch.NeuralNetRegressor(
            nn.Linear(1, 1), iterator_valid__num_workers=2, iterator_valid__batch_size=5
        )
    )
    with torch.no_grad():
        net.module_.weight.fill_(1.0)
        net.module_.bias.fill_(0.0)
    rows = ActiveLearner(FrozenEstimator(net), "random").fit(Workers()).pool_.X
    assert adapt(net).value(rows).tolist() == [1 + at // 5 % 2 for at in range(40)]


@pytest.mark.parametrize("rows", [X, nets.batches(X, len(X))[0]], ids=["array", "tensor"])
def test_a_batch_size_for_passes_alone_is_that_of_the_passes(rows):
    net, sizes = nets.started(nets.classifier(batch_size=50, iterator_valid__batch_size=7)), []
    net.module_.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    model_of(net).proba(rows)
    assert sizes == [7] * 28 + [4]


def test_probabilities_that_are_negative_are_refused_though_they_sum_to_one():
    with pytest.raises(ValueError, match=r"the net gave \[ 1.5 -0.5\] as the probabilities"):
        check_sums(np.array([[0.5, 0.5], [1.5, -0.5]], dtype=np.float32))


# Vectors


@pytest.mark.parametrize("batch_size", [7, 128])
@each_net
def test_the_embedding_is_what_the_last_linear_layer_is_given(make, X, batch_size):
    net = trained(make(batch_size=batch_size), X)
    module = net.module_.eval()
    with torch.no_grad():
        expected = torch.cat([module.body(x) for x in nets.batches(X)]).numpy()
    for what in ("embedding", "features"):
        read = model_of(net).read(what, X)
        np.testing.assert_allclose(read[what], expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(read["proba"], net.predict_proba(X))


def test_a_named_layer_gives_its_output_flattened():
    net = trained(nets.classifier(nets.CNN, batch_size=7), IMAGES)
    with torch.no_grad():
        x = torch.from_numpy(IMAGES)
        expected = net.module_.eval().body[:3](x).flatten(1).numpy()
    vectors = model_of(net, layer="body.2").embedding(IMAGES)
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-6)
    # Gradients are those of the last layer, whichever layer the embedding is.
    assert model_of(net, layer="body.2").features(IMAGES).shape == (len(IMAGES), 64)


def test_the_whole_module_may_be_the_layer():
    net = trained(nets.classifier())
    logits = net.forward(X).numpy()
    np.testing.assert_array_equal(model_of(net, layer="").embedding(X), logits)


def test_a_module_without_a_linear_layer_has_no_embedding_but_by_name():
    fitted = learner(nets.classifier(nets.WithoutLinear), "k_center").fit(
        IMAGES, nets.hidden(TRUTH, 60)
    )
    with pytest.raises(ValueError, match="WithoutLinear has no Linear layer, .*embedding='name"):
        fitted.query()
    with pytest.raises(ValueError, match="view.gradient, which NeuralNetClassifier cannot give"):
        learner(nets.classifier(nets.WithoutLinear), "badge").fit(IMAGES, nets.hidden(TRUTH, 60))
    by_name = learner(nets.classifier(nets.WithoutLinear), "k_center", embedding="conv")
    assert len(by_name.fit(IMAGES, nets.hidden(TRUTH, 60)).query(n_instances=4)[0]) == 4


def test_an_unknown_layer_is_refused_with_those_of_like_names():
    named = learner(nets.classifier(), "k_center", embedding="bodi.0")
    with pytest.raises(ValueError, match=r"'bodi.0' names no layer of MLP; it has .*'body.0'"):
        named.fit(X, nets.hidden(TRUTH, 60))


@pytest.mark.parametrize("rows", [X, X[:1]])
def test_a_layer_that_sees_several_vectors_a_row_is_refused(rows):
    net = trained(nets.classifier(nets.ByPieces))
    with pytest.raises(ValueError, match="the layer saw .* vectors for"):
        model_of(net, layer="piece").embedding(rows)
    assert model_of(net).embedding(rows).shape == (len(rows), 16)


def test_a_regressor_in_half_precision_has_a_gradient():
    net = nets.started(nets.regressor())
    net.module_.half()
    rows = X.astype(np.float16)
    expected = net.module_.body.eval()(torch.from_numpy(rows)).detach().numpy()
    np.testing.assert_array_equal(adapt(net, None).features(rows), expected)


@pytest.mark.parametrize("layer", ["spare", "several"])
def test_a_layer_that_no_row_passes_through_is_refused(layer):
    class WithSpare(nets.MLP):
        def __init__(self):
            super().__init__()
            self.spare = nn.Linear(2, 2)
            self.several = nn.ModuleList([nn.Linear(2, 2)])

    asked = learner(nets.classifier(WithSpare), "k_center", embedding=layer)
    with pytest.raises(ValueError, match=f"embedding='{layer}'"):
        asked.fit(X, nets.hidden(TRUTH, 60)).query()


def test_gradients_are_refused_where_the_last_layer_does_not_account_for_the_softmax():
    fitted = learner(nets.classifier(nets.Scaled), "badge").fit(X, nets.hidden(TRUTH, 60))
    with pytest.raises(ValueError, match="Scaled cannot give: its predictions are not the softmax"):
        fitted.query()
    np.testing.assert_array_equal(questions.model_of(fitted).embedding(X), X)


# Gradients of the last layer


def per_sample_gradients(module, loss, X):
    """Gradients of ``loss(outputs of one row)`` in the weights of the head, by torch.func."""
    others = {k: v.detach() for k, v in module.named_parameters() if k != "head.weight"}

    def loss_of(weight, x):
        output = torch.func.functional_call(module, others | {"head.weight": weight}, (x[None],))
        return loss(output[0])

    gradient = torch.func.vmap(torch.func.grad(loss_of), in_dims=(None, 0))
    return gradient(module.head.weight.detach(), torch.from_numpy(X)).numpy()


LOSSES = {
    "logits": (nets.classifier, lambda z: -z.log_softmax(dim=0).amax()),
    "softmax": (nets.softmax_classifier, lambda p: -p.amax().log()),
}


@pytest.mark.parametrize(("make", "loss"), LOSSES.values(), ids=LOSSES)
def test_factored_gradients_are_those_of_the_cross_entropy_of_the_likeliest_label(make, loss):
    fitted = learner(make()).fit(X, nets.hidden(TRUTH, 60))
    errors, features = view_of(fitted).gradient
    expected = per_sample_gradients(fitted.estimator_.module_.eval(), loss, X)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(errors[:, :, None] * features[:, None], expected, atol=1e-6)


class Tempered(nets.MLP):
    """An MLP whose logits, or logit, are multiplied by a number before the softmax."""

    def __init__(self, scale, **params):
        super().__init__(**params)
        self.scale = scale

    def forward(self, x):
        return super().forward(x) * self.scale


@pytest.mark.parametrize("scale", [1 / 3, 4.0, -1.0])
def test_a_temperature_before_the_softmax_is_in_the_gradient(scale):
    fitted = learner(nets.classifier(Tempered, module__scale=scale), "badge")
    fitted.fit(X, nets.hidden(TRUTH, 60))
    errors, features = view_of(fitted).gradient
    module = fitted.estimator_.module_.eval()
    expected = per_sample_gradients(module, lambda z: -z.log_softmax(dim=0).amax(), X)
    np.testing.assert_allclose(errors[:, :, None] * features[:, None], expected, atol=1e-5)
    assert len(set(fitted.query(n_instances=5)[0])) == 5


def test_the_temperature_of_one_logit_is_in_the_gradient():
    fitted = learner(nets.binary_classifier(Tempered, module__scale=1.5), classes=[0, 1])
    fitted.fit(X, nets.hidden(TRUTH % 2, 60))
    hidden = fitted.estimator_.module_.eval().body(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(view_of(fitted).gradient[1], 1.5 * hidden, rtol=1e-3)


def test_a_temperature_of_each_row_or_class_is_none_of_all():
    class ByRow(nets.MLP):
        def forward(self, x):
            return super().forward(x) * (1 + x[:, 20:21])

    class ByClass(nets.MLP):
        def forward(self, x):
            return super().forward(x) * torch.linspace(1, 2, 10)

    for module in (ByRow, ByClass):
        fitted = learner(nets.classifier(module), "badge").fit(X, nets.hidden(TRUTH, 60))
        with pytest.raises(ValueError, match="last Linear layer gives, or of a multiple of it"):
            fitted.query()


@pytest.mark.parametrize("end", ["logits", "flat"])
def test_of_two_classes_with_one_logit_the_second_column_is_the_gradient(end):
    """The errors are (p0 - [y=0], p1 - [y=1]); the second goes with the only row of weights."""
    fitted = learner(nets.binary_classifier(module__end=end), classes=[0, 1])
    fitted.fit(X, nets.hidden(TRUTH % 2, 60))
    errors, features = view_of(fitted).gradient

    def loss(z):
        likeliest = (z.detach() > 0).to(z.dtype)
        return nn.functional.binary_cross_entropy_with_logits(z, likeliest).sum()

    expected = per_sample_gradients(fitted.estimator_.module_.eval(), loss, X)[:, 0]
    np.testing.assert_allclose(errors[:, [1]] * features, expected, atol=1e-6)
    np.testing.assert_allclose(errors[:, 0], -errors[:, 1], atol=1e-7)
    assert np.abs(expected).max() > 0.01


@pytest.mark.parametrize("end", ["logits", "flat"])
def test_of_a_regressor_it_is_the_gradient_of_the_prediction(end):
    fitted = ActiveLearner(nets.regressor(module__end=end), "badge", random_state=0)
    fitted.fit(X, nets.hidden(TRUTH.astype(float), 60, np.nan))
    errors, features = view_of(fitted).gradient
    expected = per_sample_gradients(fitted.estimator_.module_.eval(), torch.sum, X)[:, 0]
    np.testing.assert_allclose(errors * features, expected, atol=1e-6)


# Dropout


def passes_of(net, X, n_passes, **options):
    return model_of(net, **options).with_dropout(n_passes).samples(X)


@pytest.mark.parametrize("make", [nets.classifier, nets.softmax_classifier, nets.binary_classifier])
def test_passes_have_the_shape_members_rows_classes_and_rows_in_their_order(make):
    net = trained(make(batch_size=7))
    passes = passes_of(net, X, 5)
    assert passes.shape == (5, len(X), 2 if make is nets.binary_classifier else 10)
    np.testing.assert_allclose(passes.sum(axis=2), 1, rtol=1e-5)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(passes_of(net, X[order], 5), passes[:, order], rtol=1e-5)
    assert model_of(net).samples(X[:3]).shape[0] == 20


def test_passes_leave_statistics_flags_and_weights_as_they_are():
    net = nets.started(nets.classifier(nets.CNN))
    module = net.module_.train()
    module.head.eval()
    module.body[3].eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    flags = [part.training for part in module.modules()]
    model = model_of(net)
    for read in (model.samples, model.proba, model.embedding, model.features):
        read(IMAGES)
    model.perturbation(IMAGES[:9], "deepfool")
    assert [part.training for part in module.modules()] == flags
    for name, value in module.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert not any(part._forward_hooks for part in module.modules())
    assert all(weights.grad is None for weights in module.parameters())


def test_passes_are_repeatable_by_seed_and_differ_between_passes_and_seeds():
    net = trained(nets.classifier())
    passes = passes_of(net, X, 6, seed=(3, 4))
    np.testing.assert_array_equal(passes_of(net, X, 6, seed=(3, 4)), passes)
    np.testing.assert_array_equal(passes_of(net, X, 3, seed=(3, 4)), passes[:3])
    flat = passes.reshape(6, -1)
    assert all(np.abs(flat[i] - flat[j]).max() > 0.01 for i in range(6) for j in range(i))
    assert np.abs(passes_of(net, X, 6, seed=(3, 5)) - passes).max(axis=(1, 2)).min() > 1e-4


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_passes_are_the_same_whatever_the_batches(batch_size):
    net = trained(nets.classifier(nets.CNN), IMAGES)
    passes = passes_of(net, IMAGES, 4)
    net.set_params(batch_size=batch_size)
    np.testing.assert_allclose(passes_of(net, IMAGES, 4), passes, rtol=1e-4, atol=1e-6)


def test_a_pass_that_fails_leaves_gradients_modes_and_hooks_as_they_were():
    net = nets.started(nets.regressor(module__n_out=2))
    net.module_.train()
    with pytest.raises(ValueError, match="a regressor gives one number for each row") as caught:
        adapt(net).embedding(X)
    assert torch.is_grad_enabled(), caught
    assert net.module_.training
    assert not net.module_.head._forward_hooks


def encoder():
    """A transformer's layer, whose fused path in evaluation mode has no dropout."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
    layer.self_attn.dropout = 0.0  # of the attention itself, which is no Dropout layer
    return nn.Sequential(nn.Unflatten(1, (8, 8)), layer, nn.Flatten(), nn.Linear(64, 10))


def used_twice():
    drop = nn.Dropout(0.3)
    return nn.Sequential(nn.Linear(64, 9), drop, nn.ReLU(), nn.Linear(9, 9), drop, nn.Linear(9, 10))


def with_layer(layer):
    head = [nn.Conv2d(1, 3, 3), layer, nn.ReLU(), nn.Flatten(), nn.Linear(108, 10)]
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *head)


MODULES = {
    "Dropout": lambda: with_layer(nn.Dropout(0.4)),
    "Dropout2d": lambda: with_layer(nn.Dropout2d(0.4)),
    "AlphaDropout": lambda: with_layer(nn.AlphaDropout(0.4)),
    "FeatureAlphaDropout": lambda: with_layer(nn.FeatureAlphaDropout(0.4)),
    "used twice": used_twice,
    "TransformerEncoderLayer": encoder,
}


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
def test_the_mean_over_passes_is_that_of_a_loop_with_dropout_switched_on(make):
    torch.manual_seed(0)
    net = nets.classifier(make()).initialize()
    n_passes, rows = 1500, X[:3]
    passes = passes_of(net, rows, n_passes).astype(np.float64)
    torch.manual_seed(1)
    with torch.no_grad():
        many = torch.from_numpy(rows).repeat(n_passes, 1)
        loop = net.module_.train()(many).softmax(dim=1).reshape(n_passes, 3, 10).double().numpy()
    error = np.sqrt((passes.var(axis=0) + loop.var(axis=0)) / n_passes)
    assert error.min() > 1e-6  # so that there is dropout in both
    assert np.abs((passes.mean(axis=0) - loop.mean(axis=0)) / error).max() < 4.5
    np.testing.assert_allclose(passes.std(axis=0), loop.std(axis=0), rtol=0.15)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_the_fused_path_of_a_transformer_with_padding_does_not_swallow_dropout():
    net, rows = nets.started(nets.classifier(nets.Text)), nets.sentences()
    passes = passes_of(net, rows, 400).astype(np.float64)
    with torch.no_grad():
        many = torch.from_numpy(rows).repeat(400, 1)
        loop = net.module_.train()(many).softmax(dim=1).reshape(400, len(rows), 10).numpy()
    ratio = passes.std(axis=0).mean() / loop.std(axis=0).mean()
    assert ratio == pytest.approx(1, abs=0.1)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize(
    "layer",
    [
        "tokens",
        "encoder",
        pytest.param(
            "encoder.layers.0",
        ),
    ],
)
def test_a_layer_of_a_transformer_with_padding_may_be_named(layer):
    net, rows = nets.started(nets.classifier(nets.Text)), nets.sentences()
    vectors = model_of(net, layer=layer).embedding(rows)
    assert vectors.shape == (60, 48)
    if layer == "tokens":
        with torch.no_grad():
            expected = net.module_.tokens(torch.from_numpy(rows)).flatten(1).numpy()
        np.testing.assert_array_equal(vectors, expected)


def masked(layer, x, n_passes=200):
    """What a layer alone lets through in each pass."""
    masks = DropoutMasks([layer.eval()], (0,))
    outputs = []
    with masks.switched_on():
        for number in range(n_passes):
            masks.begin(number)
            outputs.append(layer(x))
    assert torch.equal(layer(x), x)
    return torch.stack(outputs)


def test_a_unit_is_dropped_for_all_rows_or_for_none():
    x = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    out = masked(nn.Dropout(0.3), x)
    kept = out != 0
    assert (kept == kept[:, :1]).all()
    assert kept.float().mean() == pytest.approx(0.7, abs=0.02)
    torch.testing.assert_close(out, kept * x / 0.7)


def test_channels_are_dropped_as_a_whole():
    x = torch.randn(4, 20, 3, 3, generator=torch.Generator().manual_seed(0))
    kept = masked(nn.Dropout2d(0.3), x) != 0
    assert (kept == kept[:, :1, :, :1, :1]).all()
    assert kept.float().mean() == pytest.approx(0.7, abs=0.02)


def test_alpha_dropout_keeps_mean_and_variance_and_takes_the_values_of_torch():
    x = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))
    out = masked(nn.AlphaDropout(0.3), x, n_passes=60)
    assert out.mean() == pytest.approx(0, abs=0.02)
    assert out.var() == pytest.approx(1, abs=0.02)
    torch.manual_seed(0)
    own = torch.stack([nn.functional.alpha_dropout(x, 0.3, training=True) for _ in range(60)])
    torch.testing.assert_close(out.amin(dim=0), own.amin(dim=0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out.amax(dim=0), own.amax(dim=0), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [nn.Dropout, nn.AlphaDropout])
def test_a_layer_that_drops_everything_leaves_no_trace_of_the_rows(kind):
    out = masked(kind(1.0), torch.arange(1.0, 7.0).reshape(2, 3), n_passes=3)
    assert out.isfinite().all()
    assert out.unique().numel() == 1


class Scales(nets.MLP):
    """Halves its input: in a tensor of its own, or in the one that it is given."""

    in_place = False

    def forward(self, x):
        return super().forward(x.mul_(0.5) if self.in_place else x * 0.5)


class ScalesInPlace(Scales):
    in_place = True


def test_passes_of_a_module_that_writes_to_its_input_are_those_of_one_that_does_not():
    ours, expected = (
        passes_of(nets.started(nets.classifier(m)), X, 4) for m in (ScalesInPlace, Scales)
    )
    np.testing.assert_array_equal(ours, expected)


def test_layers_that_drop_nothing_do_not_count():
    assert dropout_layers(nn.Sequential(nn.Dropout(0.0), nn.Linear(2, 2))) == []
    net = nets.regressor(module__dropout=0.0)
    with pytest.raises(ValueError, match="EMCM reads view.value_samples, which NeuralNetRegressor"):
        learner(net, "emcm", classes=None).fit(X, nets.hidden(TRUTH, 60).astype(float))
    net = nets.classifier(module__dropout=0.0)
    with pytest.raises(ValueError, match="view.samples, which NeuralNetClassifier cannot give"):
        learner(net, "bald").fit(X, nets.hidden(TRUTH, 60))


def test_the_standard_deviation_of_a_regressor_is_that_of_its_passes():
    net = nets.started(nets.regressor(module__dropout=0.4))
    model = adapt(net, seed=(7,)).with_dropout(3000)
    mean, std = model.std(X[:20])
    with torch.no_grad():  # the passes are a sum of independent terms
        hidden = net.module_.eval().body(torch.from_numpy(X[:20]))
        value = net.module_.head(hidden)[:, 0].numpy()
        terms = (hidden * net.module_.head.weight).numpy()
    expected = np.sqrt(0.4 / 0.6 * (terms**2).sum(axis=1))
    np.testing.assert_allclose(std, expected, rtol=0.06)
    assert (np.abs(mean - value) < 4.5 * expected / np.sqrt(3000)).all()
    np.testing.assert_allclose(adapt(net).value(X[:20]), value, rtol=1e-5)
    np.testing.assert_array_equal(adapt(net).std(X)[1], adapt(net).std(X)[1])


def test_mean_and_standard_deviation_of_a_regressor_are_those_of_a_loop_over_passes():
    net = nets.started(nets.regressor())
    mean, std = adapt(net, seed=(7,)).with_dropout(3).std(X)
    module, values = net.module_.eval(), []
    masks = DropoutMasks(dropout_layers(module), (7,))
    with masks.switched_on(), torch.no_grad():
        for number in range(3):
            masks.begin(number)
            values.append(module(torch.from_numpy(X))[:, 0].double().numpy())
    expected = sum(values) / 3
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)
    variance = sum((value - expected) ** 2 for value in values) / 3
    np.testing.assert_allclose(std, np.sqrt(variance), rtol=1e-3, atol=1e-6)
    model = adapt(net, seed=(7,)).with_dropout(3)
    np.testing.assert_allclose(model.value_samples(X), values, rtol=1e-5, atol=1e-6)
    assert model.row_bytes("value_samples") == 8 * 3


def test_probabilities_with_dropout_are_the_mean_of_the_passes():
    model = model_of(trained(nets.classifier())).with_dropout(7)
    np.testing.assert_allclose(model.proba(X), model.samples(X).mean(axis=0), rtol=1e-6)
    assert np.abs(model.proba(X) - model_of(model.net).proba(X)).max() > 1e-3


@pytest.mark.parametrize("name", ["least_confidence", "margin", "entropy"])
def test_dropout_shows_strategies_the_mean_over_passes(name):
    fitted = learner(nets.classifier(), Dropout(name, 6)).fit(X, nets.hidden(TRUTH, 60))
    mean = view_of(fitted).with_dropout(6).samples.mean(axis=0)
    sign = -1 if name == "margin" else 1
    expected = sign * getattr(scores, name)(mean)
    np.testing.assert_allclose(fitted.scores()[60:], expected[60:], rtol=1e-6, atol=1e-9)


def variation_ratios(samples):
    """The share of members that do not vote for the commonest class."""
    votes = samples.argmax(axis=2).T
    return np.array([1 - np.bincount(row).max() / len(row) for row in votes])


OVER_MEMBERS = {"variation_ratios": variation_ratios, "bald": scores.bald}


@pytest.mark.parametrize(("name", "score"), OVER_MEMBERS.items())
def test_dropout_shows_strategies_over_members_the_passes(name, score):
    fitted = learner(nets.classifier(), Dropout(name, 6)).fit(X, nets.hidden(TRUTH, 60))
    samples = view_of(fitted).with_dropout(6).samples
    assert samples.shape == (6, len(X), 10)
    np.testing.assert_allclose(fitted.scores()[60:], score(samples)[60:], rtol=1e-6, atol=1e-9)
    by_name = learner(nets.classifier(), name).fit(X, nets.hidden(TRUTH, 60))
    assert view_of(by_name).samples.shape == (20, len(X), 10)


def test_batch_bald_with_dropout_starts_with_the_best_of_bald():
    batch = learner(nets.classifier(), Dropout("batch_bald", 6)).fit(X, nets.hidden(TRUTH, 60))
    alone = learner(nets.classifier(), Dropout("bald", 6)).fit(X, nets.hidden(TRUTH, 60))
    idx = batch.query(n_instances=5)[0]
    assert len(set(idx)) == 5 and (idx >= 60).all()
    assert idx[0] == alone.query()[0][0]


@pytest.mark.parametrize("inner", ["k_center", "badge", "adversarial_bim", "std"])
def test_dropout_refuses_strategies_that_it_says_nothing_to(inner):
    with pytest.raises(ValueError, match="give a strategy over probabilities or members"):
        learner(nets.classifier(), Dropout(inner)).fit(X, nets.hidden(TRUTH, 60)).query()


@pytest.mark.parametrize("n_passes", [1, 2.5, True, "20"])
def test_dropout_refuses_what_is_no_number_of_passes(n_passes):
    asked = learner(nets.classifier(), Dropout("bald", n_passes)).fit(X, nets.hidden(TRUTH, 60))
    with pytest.raises(ValueError, match=r"n_passes=.*; give a whole number of at least 2"):
        asked.query()


def test_dropout_is_for_nets():
    with pytest.raises(ValueError, match="skorch classifier with dropout"):
        ActiveLearner(LogisticRegression(), Dropout("entropy")).fit(X, nets.hidden(TRUTH, 60))


# Training


def test_no_batch_is_of_one_row_and_those_that_take_it_in_are_larger():
    for size in range(2, 9):
        for n in range(2, 30):
            sizes = [len(b) for b in CheckedLoader(DataLoader, True)(range(n), batch_size=size)]
            assert sum(sizes) == n
            assert min(sizes) > 1
            assert sizes[0] >= min(n, size)


def test_a_last_batch_that_is_dropped_is_not_spread_over_the_others():
    loader = CheckedLoader(DataLoader, True)(range(9), batch_size=4, drop_last=True)
    assert [len(batch) for batch in loader] == [4, 4]


def test_the_best_of_a_score_without_a_validation_set_is_refused(tmp_path):
    score = EpochScoring("accuracy", name="f", lower_is_better=False)
    best = Checkpoint(monitor="f_best", dirname=tmp_path)
    net = nets.classifier(callbacks=[score, best], train_split=None)
    with pytest.raises(ValueError, match="Checkpoint watches 'f_best', but .*predefined_split"):
        learner(net).fit(X, nets.hidden(TRUTH, 60))


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_a_net_has_its_own_split_and_iterator_again_after_each_training(update):
    net = nets.classifier()
    fitted = learner(net, update=update).fit(X, nets.hidden(TRUTH, 4))
    for n_known in (4, 60):
        fitted.teach(np.arange(n_known, n_known + 9), TRUTH[n_known : n_known + 9])
        after = fitted.estimator_
        assert after.iterator_train is net.iterator_train
        assert type(after.train_split) is type(net.train_split)


# What is left alone


class Inputs(torch.utils.data.Dataset):
    """The digits, with labels that are wrong."""

    def __len__(self):
        return len(X)

    def __getitem__(self, at):
        return torch.from_numpy(X[at]), 0


@pytest.mark.parametrize(
    ("rows", "params"),
    [
        (X, {}),
        pytest.param(X, {"iterator_valid__num_workers": 0}),
        pytest.param(Inputs(), {}),
    ],
    ids=["array", "loader", "Dataset"],
)
def test_neither_fit_nor_a_pass_moves_the_global_generators(rows, params):
    torch.manual_seed(0)
    asked = learner(nets.classifier(**params), "bald")
    before, of_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    asked.fit(rows, nets.hidden(TRUTH, 60))
    for strategy in ("bald", "badge", "adversarial_deepfool", "margin"):
        asked.set_params(strategy=strategy).refit().query(n_instances=3)
    asked.predict(rows)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], of_numpy)  # noqa: NPY002


# Perturbations


def linear_net(weights, intercepts):
    """A fitted-looking net of one linear layer."""
    net = nets.started(nets.classifier(nn.Linear(weights.shape[1], len(weights))))
    with torch.no_grad():
        net.module_.weight.copy_(torch.from_numpy(weights))
        net.module_.bias.copy_(torch.from_numpy(intercepts))
    return net


def test_deepfool_on_a_linear_net_is_the_exact_distance_of_the_same_linear_model():
    by_sklearn = ActiveLearner(LogisticRegression(max_iter=300), "adversarial_deepfool")
    linear = by_sklearn.fit(X, nets.hidden(TRUTH, 60)).estimator_
    net = linear_net(linear.coef_, linear.intercept_)
    lengths = model_of(net).perturbation(X, "deepfool")
    exact = linear_margins(linear.decision_function(X), linear.coef_)
    assert lengths.dtype == np.float64
    np.testing.assert_allclose(lengths, exact, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(view_of(by_sklearn).perturbation("deepfool"), exact, rtol=1e-9)


def test_deepfool_is_the_distance_for_one_logit_of_two_classes():
    fitted = learner(nets.binary_classifier(), classes=[0, 1])
    fitted.fit(X, nets.hidden(TRUTH % 2, 60))
    head = LogisticRegression(max_iter=300).fit(X, TRUTH % 2)
    net = fitted.estimator_
    net.module_.body = nn.Identity()
    net.module_.head = nn.Linear(64, 1)
    with torch.no_grad():
        net.module_.head.weight.copy_(torch.from_numpy(head.coef_))
        net.module_.head.bias.copy_(torch.from_numpy(head.intercept_))
    lengths = questions.model_of(fitted).perturbation(X, "deepfool")
    exact = linear_margins(head.decision_function(X), head.coef_)
    np.testing.assert_allclose(lengths, exact, rtol=2e-3, atol=1e-5)


def test_bim_finds_no_shorter_change_than_the_exact_distance_of_a_linear_net():
    linear = LogisticRegression(max_iter=300).fit(X, TRUTH)
    net = linear_net(linear.coef_, linear.intercept_)
    lengths = model_of(net).perturbation(X, "bim", step=0.01, max_steps=200)
    exact = linear_margins(linear.decision_function(X), linear.coef_)
    assert np.isfinite(lengths).all()
    assert (lengths >= exact * (1 - 1e-5)).all()


@pytest.mark.parametrize("attack", ["deepfool", "bim"])
@each_net
def test_a_pass_with_gradients_leaves_none_behind_and_is_the_same_in_any_batches(make, X, attack):
    net = nets.started(make())
    lengths = model_of(net).perturbation(X[:40], attack)
    assert all(weights.grad is None for weights in net.module_.parameters())
    net.set_params(batch_size=7)
    np.testing.assert_allclose(
        model_of(net).perturbation(X[:40], attack), lengths, rtol=1e-3, atol=1e-6
    )


def test_token_ids_cannot_be_perturbed():
    tokens = np.random.default_rng(0).integers(0, 9, (40, 5))
    module = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 10))
    for strategy in ("adversarial_deepfool", "adversarial_bim"):
        fitted = learner(nets.classifier(module), strategy).fit(tokens, nets.hidden(TRUTH[:40], 20))
        with pytest.raises(ValueError, match=r"torch.int64 cannot be perturbed .* use another"):
            fitted.query()
    assert len(learner(nets.classifier(module), "badge").fit(tokens, None).query()[0]) == 1


# Every strategy


def play(asked, X, truth, n_rounds=3):
    """Query and teach, checking each batch."""
    for _ in range(n_rounds):
        idx, rows = asked.query(n_instances=4)
        np.testing.assert_array_equal(asked.query(n_instances=4)[0], idx)
        np.testing.assert_array_equal(rows, X[idx])
        assert len(np.unique(idx)) == 4
        assert asked.pool_.unlabeled_mask[idx].all()
        asked.teach(idx, truth[idx])
    return asked


@pytest.mark.parametrize("name", FOR_CLASSIFIERS)
@pytest.mark.parametrize("is_images", [False, True], ids=["MLP", "CNN"])
def test_every_strategy_asks_on_a_net_round_after_round(name, is_images):
    rows, net = (IMAGES, nets.CNN) if is_images else (X, nets.MLP)
    asked = learner(nets.classifier(net, max_epochs=2), name).fit(rows, nets.hidden(TRUTH, 30))
    assert play(asked, rows, TRUTH).pool_.n_labeled == 42


FOR_ALL = ["auto", "random", "badge", "bait", "k_center"]


@pytest.mark.parametrize("name", [*FOR_ALL, *sorted(FOR_REGRESSORS)])
def test_every_strategy_for_regressors_asks_on_a_net(name):
    net = nets.regressor(max_epochs=2)
    asked = ActiveLearner(net, name, random_state=0)
    asked.fit(X, nets.hidden(TRUTH.astype(float), 30, np.nan))
    assert play(asked, X, TRUTH.astype(float)).pool_.n_labeled == 42


@pytest.mark.parametrize("name", sorted(FOR_REGRESSORS))
def test_strategies_for_regressors_are_refused_on_a_net_that_classifies(name):
    with pytest.raises(ValueError, match="which NeuralNetClassifier cannot give"):
        learner(nets.classifier(), name).fit(X, nets.hidden(TRUTH, 60))


@pytest.mark.parametrize("name", FOR_CLASSIFIERS)
def test_strategies_keep_their_contract_on_a_net(name):
    check_strategy(name, estimator=nets.classifier(nets.InDouble, module__n_out=3))


@pytest.mark.parametrize("name", [*sorted(FOR_REGRESSORS), "badge"])
def test_strategies_keep_their_contract_on_a_net_that_regresses(name):
    check_strategy(name, estimator=nets.regressor(nets.InDouble))


@pytest.mark.parametrize("inner", ["entropy", "bald", "batch_bald"])
def test_dropout_keeps_the_contract_of_a_strategy(inner):
    net = nets.classifier(nets.InDouble, module__n_out=3)
    check_strategy(Dropout(inner, 4), estimator=net)


def test_a_strategy_over_fewer_rows_still_knows_which_are_labelled_and_which_reserved():
    seen = []

    class Look(Strategy):
        rowwise = False
        reads = ("embedding",)

        def score(self, view):
            seen.extend(view.take(at) for at in (view.labeled, view.reserved))
            return np.zeros(len(view))

    learner = ActiveLearner(nets.classifier(), Subpool(Look(), 20), random_state=0)
    learner.fit(X, nets.hidden(TRUTH, 60))
    learner.pool_.reserve([150, 70, 71])
    learner.query()
    np.testing.assert_array_equal(seen[0], X[:60])
    np.testing.assert_array_equal(seen[1], X[[70, 71, 150]])
