# The page: docker build -t swinir . ; for CUDA add --build-arg TORCH=cu130
FROM python:3.11-slim

# Index of PyTorch's builds: cpu, or cu130 and the like.
ARG TORCH=cpu

WORKDIR /app
COPY requirements.txt .
# torch alone first, from its own index, and then all the rest, which finds it in place.
RUN pip install --no-cache-dir --index-url "https://download.pytorch.org/whl/${TORCH}" \
        "$(grep '^torch==' requirements.txt)" \
    && pip install --no-cache-dir -r requirements.txt

COPY app.py test.py train.py ./
COPY swinir swinir
COPY pretrained pretrained
COPY imgs imgs
COPY docs docs

RUN useradd --create-home swinir && mkdir -p pretrained/official \
    && chown swinir pretrained/official
USER swinir

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=4)"]

# Within the container all addresses; which of them are reached is said by docker run -p.
ENTRYPOINT ["python", "app.py", "--host", "0.0.0.0"]
