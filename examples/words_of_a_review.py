"""A TF-IDF pipeline on short reviews, in English and Chinese: which words made the difference, by LIME and exactly."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pellucid

praise = ["wonderful", "great", "moving", "fine", "brilliant", "funny"]
blame = ["awful", "boring", "dull", "terrible", "weak", "slow"]
things = ["acting", "story", "music", "script", "cast", "ending"]
texts = [f"the {thing} was {word} and the film was {word}" for word in praise + blame for thing in things]
liked = [word in praise for word in praise + blame for _ in things]
pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=20)).fit(texts, liked)

review = "The acting was great and I loved the music, but the script was awful, awful!"
lime = pellucid.LIME(top=4)(pipeline, review, target="True")
print(lime.narrate(), lime.narrate("zh"), sep="\n")
lime.plot("tokens").figure.savefig("review_lime.png", dpi=110)
lime.plot("tokens", lang="zh").figure.savefig("review_lime_zh.png", dpi=110)

# Every occurrence is a player of its own, and a word that the pipeline never saw gets exactly 0.
shap = pellucid.PermutationShap(budget=2000)(pipeline, review, target="True")
print(dict(zip(shap.features.row(0), shap.values[0].round(3).tolist(), strict=True)))
shap.plot("tokens").figure.savefig("review_shap.png", dpi=110)

# Chinese is cut into characters, or into words by a function of yours.
positive = make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression(C=20)).fit(
    ["电影很好看", "音乐很美", "故事很感人", "电影很难看", "音乐很吵", "故事很无聊"], [1, 1, 1, 0, 0, 0]
)
words = pellucid.Words(split=lambda text: ["音乐", "很", "美", "但", "故事", "很", "无聊"])
chinese = pellucid.ExactShapley()(positive, "音乐很美，但故事很无聊。", target="1", features=words)
print(chinese.narrate("zh"))
chinese.plot("tokens", lang="zh").figure.savefig("review_chinese_zh.png", dpi=110)
