# Cocorico in a container: not root; models, indexes and accounts in the volume /data.
#
#   docker build -t cocorico .
#   docker run -it --rm -v cocorico:/data cocorico account add anne
#   docker run -p 127.0.0.1:7860:7860 -v cocorico:/data -v ~/reports:/documents cocorico
FROM python:3.13-slim

RUN useradd --create-home --uid 1000 cocorico && mkdir /data /documents && chown cocorico /data /documents
WORKDIR /app
COPY requirements.txt Makefile pyproject.toml ./
RUN make PIP="python -m pip --no-cache-dir" BIN=/usr/local/bin packages
COPY index index
COPY rag rag
COPY ui ui
COPY seeds seeds
COPY seeds /documents

USER cocorico
ENV COCORICO_HOME=/data COCORICO_LIBRARY=/documents COCORICO_HOST=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
VOLUME ["/data", "/documents"]
EXPOSE 7860
HEALTHCHECK --start-period=10m CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=5)"]
ENTRYPOINT ["python", "-m", "rag"]
CMD ["serve", "--no-browser"]
