"""A small Keras network on a table: SHAP values of one row and of many, and the summary plot."""

import keras
from sklearn.datasets import load_breast_cancer

import pellucid

data = load_breast_cancer(as_frame=True)
X, y, names = data.data, data.target.to_numpy(), data.target_names

keras.utils.set_random_seed(0)
scaling = keras.layers.Normalization()
scaling.adapt(X[:400].to_numpy("float32"))
net = keras.Sequential(
    [
        keras.layers.Input((X.shape[1],)),
        scaling,
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ],
    name="mlp",
)
net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(X[:400].to_numpy("float32"), y[:400], epochs=15, verbose=0)
held = net.evaluate(X[400:].to_numpy("float32"), y[400:], verbose=0)[1]
print(f"accuracy on rows it has not seen: {held:.2f}")

shap = pellucid.PermutationShap()
row = shap(net, X[414:415], background=X[:100], classes=names, target="malignant")
row.plot("waterfall").figure.savefig("keras_table_row.png", dpi=110)
row.plot("waterfall", lang="zh").figure.savefig("keras_table_row_zh.png", dpi=110)
print(row.narrate(), row.narrate("zh"), sep="\n")

many = pellucid.PermutationShap(
    budget=20_000, tolerance=0.04
)(  # each row until its values are sure enough
    net, X[400:440], background=X[:30], classes=names, target="malignant"
)
many.plot("beeswarm").figure.savefig("keras_table_summary.png", dpi=110)
many.plot("beeswarm", lang="zh").figure.savefig("keras_table_summary_zh.png", dpi=110)
print(many.quality.estimand, many.quality.verdict)
